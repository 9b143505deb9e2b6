"""A field that the WorkerPool leaves out means what Celery and the app do, and the report says what that is."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def facts(server: RedisServer, worker: Worker) -> dict[str, Any]:
    report = wait_for(lambda: server.report(worker), 5, what="the first report")
    return dict(report["worker"])


@pytest.mark.parametrize(
    ("configured", "pool"),
    [
        ("threads", "threads"),
        ("solo", "solo"),
        ("prefork", "prefork"),
        ("processes", "prefork"),
        ("celery.concurrency.thread:TaskPool", "threads"),
    ],
)
def test_the_pool_is_the_apps(
    make_worker: MakeWorker, server: RedisServer, configured: str, pool: str
) -> None:
    environment = {"TEST_POOL": configured, "TEST_CONCURRENCY": "3"}
    worker = make_worker(None, app="decides", environment=environment).start().ready()
    told = facts(server, worker)
    assert (told["pool"], told["capacity"]) == (pool, 1 if pool == "solo" else 3)
    assert told["queues"] == ["mail", "sms"], "not the copy of a broadcast that each worker has"
    assert (told["acksLate"], server.report(worker)["notes"]) == (True, [])
    task = send(server.client, "decides.pool_of_this", queue="sms")
    wait_for(lambda: server.report(worker)["queues"].get("sms", {}).get("done") == 1, 30, what=task)
    wait_for(lambda: server.report(worker)["queues"]["sms"]["held"] == 0, 5, what="its acknowledgement")
    assert worker.terminate().ended(timeout=15) == 0


def test_without_anything_it_is_celerys_default(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(None).start().ready()
    told = facts(server, worker)
    assert (told["pool"], told["capacity"], told["queues"]) == ("prefork", os.cpu_count(), ["celery"])


def test_excluded_queues_are_not_the_apps_any_more(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(None, app="decides", arguments=("--exclude-queues=sms",)).start().ready()
    assert facts(server, worker)["queues"] == ["mail"]


def test_a_field_that_the_apps_pool_ignores_is_named(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(
        None, app="decides", environment={"TEST_POOL": "threads"}, arguments=("--time-limit=9",)
    )
    worker.start().ready()
    assert facts(server, worker)["pool"] == "threads"
    assert server.report(worker)["notes"] == [
        "timeLimit is ignored by pool threads, which the app sets: set spec.pool to one that supports it."
    ]


def test_a_green_pool_of_the_apps_is_warned_of(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(None, app="decides", environment={"TEST_POOL": "gevent"}).start().ready()
    (note,) = server.report(worker)["notes"]
    assert note.startswith("The app sets worker_pool 'gevent', and Celery then patches nothing")


def test_a_pool_class_of_the_apps_own_is_refused(make_worker: MakeWorker) -> None:
    worker = make_worker(None, app="decides", environment={"TEST_POOL": "decides:Pool"}).start()
    assert worker.ended(timeout=30) == 2
    assert "does not support: set spec.pool to prefork" in worker.log


def test_an_app_that_cannot_be_imported_is_named_as_ever(make_worker: MakeWorker) -> None:
    worker = make_worker(None, app="broken").start()
    assert worker.ended(timeout=30) not in (0, None)
    assert "(broken, line 3)" in worker.termination_log
