"""A main process that waits for what a restart would not cure stays alive, says so, and ends at TERM."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_term import ends_soon
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

LIMIT = 60
STORED: dict[str, object] = {"ignore_result": False}
EXPIRED: dict[str, object] = {**STORED, "expires": "2001-01-01T00:00:00+00:00"}


@pytest.fixture
def hole() -> Iterator[str]:
    """A Redis URL at which connections are accepted and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def start(make_worker: MakeWorker, hole: str, pool: str, **options: object) -> Worker:
    environment = {"TEST_HOLE": hole} if hole else {}
    return make_worker(pool, app="silent_results", environment=environment, **options).start().ready()


def fetches(worker: Worker) -> None:
    wait_for(lambda: worker.get("/readyz")[0] == 200, 40, what="the worker to fetch again")


def waits(worker: Worker, what: str) -> bool:
    return what in worker.get("/readyz")[1]


def test_a_known_wait_of_the_main_process_is_no_reason_to_kill_it(
    make_worker: MakeWorker, server: RedisServer, hole: str
) -> None:
    expected: dict[str, tuple[str, str, dict[str, object], str]] = {
        "hard-limit": ("prefork", "silent_results.too_long", STORED, hole),
        "lost-child": ("prefork", "silent_results.dies", STORED, hole),
        "slow-hook": ("prefork", "silent_results.too_long_with_a_slow_hook", STORED, ""),
        "expired-threads": (
            "threads",
            "silent_results.expired",
            EXPIRED,
            hole,
        ),
        "expired-gevent": (
            "gevent",
            "silent_results.expired",
            EXPIRED,
            hole,
        ),
    }
    workers = {}
    for name, (pool, _, _, backend) in expected.items():
        workers[name] = start(make_worker, backend, pool, queues=[name])
    server.drop_connections()  # what is known before a reconnect is known after it
    for worker in workers.values():
        fetches(worker)
    for name, (_, task, headers, _) in expected.items():
        if name != "slow-hook":  # so that there is a task that a restart would cut off
            send(server.client, "silent_results.nap", 95, queue=name)
        send(server.client, task, queue=name, headers=headers)
    seen: set[str] = set()
    until = time.monotonic() + LIMIT + 20

    def over() -> bool:
        for name, worker in workers.items():
            assert worker.get("/livez")[0] in (200, 0), (name, worker.get("/livez"))
            if worker.get("/livez")[1].startswith("the worker waits for"):
                seen.add(name)
        return time.monotonic() > until

    wait_for(over, LIMIT + 30, what="the limit to pass", poll=1)
    assert {"hard-limit", "lost-child", "expired-threads", "expired-gevent"} <= seen


@pytest.mark.parametrize("disturb", [False, True], ids=["first-connection", "after-a-reconnect"])
def test_term_ends_a_worker_that_waits_for_its_result_backend(
    make_worker: MakeWorker, server: RedisServer, hole: str, *, disturb: bool
) -> None:
    worker = start(make_worker, hole, "prefork")
    if disturb:
        server.drop_connections()
        fetches(worker)
    nap = send(server.client, "silent_results.nap", 15)
    wait_for(lambda: nap in server.started(), 30, what="a task to start")
    send(server.client, "silent_results.too_long", headers=STORED)
    wait_for(lambda: waits(worker, "the worker waits for the result backend"), 20, what="the wait to show")
    noted = "The worker does not fetch: the worker waits for the result backend."
    wait_for(lambda: noted in server.report(worker)["notes"], 5, what="the report of it")
    worker.terminate()
    wait_for(lambda: nap in server.finished(), 30, what="the other task to end")
    ends_soon(worker)
    assert nap not in server.waiting("celery")
    assert server.left_behind() == []
