"""Work that is no task of Celery's own counts, or is at least not ended before the grace period."""

import time
from collections.abc import Callable

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import POOLS, every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def places(pool: str) -> list[str]:
    return [
        *("worker_shutdown", "bootstep"),
        # Sent in a signal's handler, where gevent and eventlet let nothing wait.
        *(["worker_shutting_down"] if pool not in ("gevent", "eventlet") else []),
        *(["worker_process_shutdown"] if pool == "prefork" else []),
        *(["thread", "job"] if pool == "threads" else []),
    ]


@pytest.mark.parametrize(("pool", "where"), [(pool, where) for pool in POOLS for where in places(pool)])
def test_the_apps_own_work_is_not_cut_off_by_term(
    make_worker: MakeWorker, server: RedisServer, pool: str, where: str
) -> None:
    worker = make_worker(pool, app="unseen", environment={"TEST_WORKS_IN": where}).start().ready()
    send(server.client, "unseen.begins")
    wait_for(lambda: server.lines("test:tasks"), 30, what="the task")
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="its acknowledgement")
    worker.terminate().ended(timeout=45)
    assert server.lines("test:end") == server.lines("test:start")
    assert server.lines("test:end")


def test_work_that_outlives_the_grace_period_ends_before_it_and_gives_back_the_rest(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    environment = {"TEST_WORKS_IN": "worker_shutdown"}
    worker = make_worker("threads", app="unseen", environment=environment, gracePeriod=14).start().ready()
    since = time.monotonic()
    worker.terminate().ended(timeout=20)
    assert time.monotonic() - since < 13
    assert server.left_behind() == []


@every_pool
def test_a_batch_counts_as_running_and_is_finished_before_its_worker_ends(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="batches", prefetchMultiplier=10).start().ready()
    tasks = [collect(server, 12) for _ in range(3)]
    wait_for(lambda: sorted(server.started()) == sorted(tasks), 30, what="the batch to begin")
    if pool != "solo":  # its loop reports nothing while the batch runs within it
        wait_for(lambda: server.report(worker).get("active") == 1, 30, what="the report of it")
    worker.terminate().ended(timeout=60)
    assert sorted(server.finished()) == sorted(tasks)
    assert server.client.exists("celery", "unacked") == 0
    assert server.left_behind() == []


@every_pool
def test_a_pod_with_a_running_batch_is_not_drained(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="batches", prefetchMultiplier=10).start().ready()
    tasks = [collect(server, 12) for _ in range(3)]
    wait_for(lambda: sorted(server.started()) == sorted(tasks), 30, what="the batch to begin")
    server.drain(worker, lease=1)
    report = wait_for(lambda: server.report_in_state(worker, "drained"), 40, what="the worker to drain")
    assert sorted(server.finished()) == sorted(tasks)
    assert report["queues"]["celery"]["done"] == 3


def test_a_batch_whose_child_is_lost_runs_again(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(app="batches", prefetchMultiplier=10).start().ready()
    tasks = [collect(server, 3) for _ in range(3)]
    wait_for(lambda: sorted(server.started()) == sorted(tasks), 30, what="the batch to begin")
    worker.kill_children()
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 30, what="the batch to end")
    assert sorted(server.started()) == sorted([*tasks, *tasks])
    wait_for(lambda: server.client.exists("celery", "unacked") == 0, 30, what="its acknowledgement")


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool != "solo"])
def test_a_batch_that_ends_past_its_tracer_settles_its_messages(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="batches", prefetchMultiplier=10).start().ready()
    for _ in range(3):
        send(server.client, "batches.cancelled")
    wait_for(lambda: "ended without acknowledging" in worker.log, 30, what="the end of the batch")
    wait_for(lambda: server.client.exists("celery", "unacked") == 0, 30, what="all to be settled")
    wait_for(lambda: server.report(worker)["active"] == 0, 30, what="the report of it")


def collect(server: RedisServer, seconds: float) -> str:
    return send(server.client, "batches.collect", seconds)
