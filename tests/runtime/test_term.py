"""TERM at every moment: what runs is finished, the rest goes back, and the process is gone soon after."""

import time
from collections.abc import Callable

import pytest

from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import POOLS, every_pool
from tests.runtime.waiting import wait_for
from tests.runtime.worker import Worker

MakeWorker = Callable[..., Worker]


@every_pool
def test_a_second_term_changes_nothing(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = send(server.client, "proj.nap", 3)
    wait_for(lambda: task in server.started(), "the task to start")
    worker.terminate().terminate()
    wait_for(lambda: "Warm shutdown" in worker.log, "the worker to take note")
    worker.terminate()
    assert worker.ended(timeout=13) == 0
    assert server.finished() == [task]


@every_pool
def test_term_ends_a_drained_worker(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    worker = make_worker(pool).start().ready()
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), "the worker to be drained")
    task = send(server.client, "proj.nap", 0)
    assert worker.terminate().ended(timeout=10) == 0
    assert server.waiting("celery") == [task]


@pytest.mark.parametrize("pool", POOLS)
def test_term_while_the_broker_is_away_ends_the_worker_after_its_task(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    proxy = Proxy(server.port)
    try:
        worker = make_worker(pool, capacity=1, environment={"CELERY_BROKER_URL": proxy.url, "TEST_NOTES_URL": server.url,
            "CELERY_BROKER_READ_URL": proxy.url, "CELERY_BROKER_WRITE_URL": proxy.url})  # fmt: skip
        worker.start().ready()
        task = send(server.client, "proj.nap", 5)
        wait_for(lambda: task in server.started(), "the task to start")
        proxy.close()
        worker.terminate()
        wait_for(lambda: task in server.finished(), "the task to end")
        since = time.monotonic()
        worker.ended(timeout=20)
        assert time.monotonic() - since < 11
    finally:
        worker.kill()


@pytest.mark.parametrize("pool", POOLS)
def test_term_over_a_half_open_connection_ends_the_worker_after_its_task(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    proxy = Proxy(server.port)
    try:
        worker = make_worker(pool, capacity=1, environment={"CELERY_BROKER_URL": proxy.url, "TEST_NOTES_URL": server.url,
            "CELERY_BROKER_READ_URL": proxy.url, "CELERY_BROKER_WRITE_URL": proxy.url})  # fmt: skip
        worker.start().ready()
        task = send(server.client, "proj.nap", 5)
        wait_for(lambda: task in server.started(), "the task to start")
        proxy.freeze()
        worker.terminate()
        wait_for(lambda: task in server.finished(), "the task to end")
        since = time.monotonic()
        worker.ended(timeout=20)
        assert time.monotonic() - since < 11
    finally:
        worker.kill()
        proxy.close()
