"""The Django example without a cluster: real workers of each pool type, beat and the web app, on SQLite and Redis."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.django.page import Page, watch_work
from tests.django.shop import Shop
from tests.runtime.redis_server import RedisServer
from tests.tools.browser import chromium
from tests.tools.waiting import wait_for


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """With one worker of each pool type and the web app."""
    folder = tmp_path_factory.mktemp("shop")
    with RedisServer(folder) as server:
        one = Shop(folder, server)
        try:
            workers = [
                one.worker("prefork", "orders", capacity=4),
                one.worker("threads", "files", capacity=10),
                one.worker("gevent", "mail", capacity=100),
                one.worker("eventlet", "sms", capacity=100),
                one.worker("solo", "ledger", "reports"),
            ]
            for worker in workers:
                worker.ready()
            yield one
        finally:
            one.stop()


@pytest.fixture(scope="module")
def page(shop: Shop) -> Page:
    return shop.web()


def test_delay_apply_async_and_get(shop: Shop) -> None:
    answers = shop.produce("results")
    assert answers.pop("seconds") > 2
    assert answers == {"delay": 6, "by_id": 4, "options": 25, "countdown": 3}


def test_group_chain_chord_and_apply(shop: Shop) -> None:
    answers = shop.produce("canvas")
    assert answers["shared_task"] == 3
    assert answers["group"] == [118, 236, 354]
    assert answers["chain"] == 164
    assert answers["chord"] == {"items": 3, "total": 708}
    assert answers["apply"] == 11
    assert answers["chain_with_retries"] == {"order": answers["order"], "state": "confirmed"}
    assert answers["attempts"] == 3


def test_every_pool_type_executes_and_the_green_ones_are_patched(shop: Shop) -> None:
    answers = shop.produce("pools")
    patched = {queue: one["patched_by"] for queue, one in answers["who"].items()}
    assert patched == {"orders": None, "files": None, "ledger": None, "mail": "gevent", "sms": "eventlet"}
    for task, seconds in answers["seconds"].items():
        assert seconds < 50, f"100 waits of 1 s with {task} took {seconds:.0f} s: they did not wait together"


def test_left_queue_first_and_200_tasks_in_order(shop: Shop) -> None:
    shop.produce("order", ACTION="send")
    worker = shop.worker("solo", "high_priority", "low_priority").ready()
    try:
        wait_for(lambda: len(shop.produce("order", ACTION="show")) == 200, 60, what="200 tasks done")
    finally:
        worker.terminate().ended()
    names = [name for name, *_ in shop.produce("order", ACTION="show")]
    assert names == ["pack"] * 100 + ["restock"] * 100


def test_static_and_dynamic_periodic_tasks(shop: Shop) -> None:
    assert shop.produce("periodic", ACTION="create")["runs"] == {"made-at-run-time": 0}
    shop.beat()
    wait_for(
        lambda: shop.produce("periodic", ACTION="show")["runs"]["made-at-run-time"] >= 3, 60, what="3 runs"
    )
    assert "remind-of-unpaid-orders" in shop.produce("periodic", ACTION="delete")["runs"]


def test_a_long_task_is_seen_started_on_the_page(page: Page) -> None:
    status, answer = page.submit("report")
    assert status == 202
    (task,) = answer["accepted"]
    wait_for(lambda: page.states()[task] == "STARTED", 15, what="STARTED on the page")


async def test_in_a_browser_work_is_submitted_and_watched_until_its_result(
    page: Page, tmp_path: Path
) -> None:
    async with chromium(tmp_path) as tab:
        await watch_work(tab, page.url)


def test_a_request_may_wait_for_a_quick_result(page: Page) -> None:
    assert page.get("/quote/?price=5&price=7") == (200, '{"total": 12}')


def test_wrong_input_is_answered_with_what_is_right(page: Page) -> None:
    status, answer = page.submit("nothing")
    assert status == 400
    assert answer["error"].startswith("work has to be one of order, receipt")


def test_results_in_redis_instead_of_the_database(shop: Shop) -> None:
    backend = f"redis://127.0.0.1:{shop.server.port}/1"
    worker = shop.worker("solo", "in-redis")
    worker.kill()
    worker.environment["CELERY_RESULT_BACKEND"] = backend
    worker.start().ready()
    code = (
        "import json; from orders.tasks import total; result = total.apply_async(args=[[2, 3]], queue='in-redis');"
        "print(json.dumps([result.get(timeout=30), type(result.backend).__name__]))"
    )
    said = shop.manage("shell", "--verbosity=0", f"--command={code}", CELERY_RESULT_BACKEND=backend)
    assert json.loads(said) == [5, "RedisBackend"]


def test_without_a_broker_the_page_says_so_and_what_it_accepted_is_done(shop: Shop, page: Page) -> None:
    accepted: list[str] = []
    for _ in range(5):
        accepted += page.submit("total")[1]["accepted"]
    shop.server.kill()
    began = time.monotonic()
    status, answer = page.submit("total")
    assert (status, answer["accepted"]) == (503, [])
    assert time.monotonic() - began < 30
    assert page.get("/readyz")[0] == 200
    assert page.get("/runs/")[0] == 200
    shop.server.start()

    def again() -> list[str]:
        return [*page.submit("total")[1]["accepted"]]

    accepted += wait_for(again, 60, what="an accepted task")
    wait_for(
        lambda: {page.states().get(task) for task in accepted} == {"SUCCESS"},
        60,
        what="all accepted tasks done",
    )
