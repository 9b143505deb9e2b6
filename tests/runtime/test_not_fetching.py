"""Whatever keeps a worker from fetching shows in its report and in its readiness, and goes when it goes."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.runtime.inspect import control, shut_down
from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.test_term import behind
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def shows(server: RedisServer, worker: Worker, state: str, word: str) -> None:
    """Both say so, and why."""
    report = wait_for(lambda: server.report_in_state(worker, state), 15, what=f"the report to be {state}")
    wait_for(lambda: worker.get("/readyz")[0] == 503, 15, what="the probe to fail")
    assert word in worker.get("/readyz")[1]
    assert state == "stopping" or any(word in note for note in report["notes"])


def fetches_again(server: RedisServer, worker: Worker) -> None:
    wait_for(lambda: worker.get("/readyz") == (200, "ready"), 40, what="the probe to pass")
    report = wait_for(lambda: server.report_in_state(worker, "ready"), 5, what="the report")
    assert not any("The worker does not fetch" in note for note in report["notes"])


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent", "eventlet"])
def test_a_worker_that_remote_control_shut_down_is_stopping_while_its_task_runs(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = send(server.client, "proj.nap", 25)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    shut_down(worker)
    shows(server, worker, "stopping", "stopping")
    assert server.finished() == []
    assert worker.ended(timeout=90) == 0
    assert server.finished() == [task]


def test_an_exit_in_the_consumer_is_stopping_while_a_task_runs(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker("threads", capacity=2).start().ready()
    task = send(server.client, "proj.nap", 25)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    send(server.client, "proj.break_the_consumer")
    shows(server, worker, "stopping", "stopping")
    assert task not in server.finished()


@every_pool
def test_a_worker_without_queues_is_paused(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    worker = make_worker(pool).start().ready()
    control(worker, "cancel_consumer", "celery")
    shows(server, worker, "paused", "no queue is consumed")
    assert worker.get("/livez")[0] == 200
    control(worker, "add_consumer", "celery")
    fetches_again(server, worker)
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), 30, what="a task to run")


def test_one_queue_of_two_that_was_cancelled_is_named(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(queues=["high", "low"]).start().ready()
    control(worker, "cancel_consumer", "low")
    note = "Queues that remote control cancelled: low."
    wait_for(lambda: note in server.report(worker)["notes"], 5, what="the note")
    assert worker.get("/readyz") == (200, "ready")


@pytest.mark.parametrize("pool", ["prefork", "gevent", "eventlet"])
def test_a_pool_that_was_shrunk_to_nothing_is_paused(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=2).start().ready()
    control(worker, "pool_shrink", "2")
    shows(server, worker, "paused", "the pool has no process or slot left")
    assert server.report(worker)["capacity"] == 0
    control(worker, "pool_grow", "1")
    fetches_again(server, worker)
    assert server.report(worker)["capacity"] == 1


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_a_lost_connection_shows_until_there_is_another(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    proxy = Proxy(server.port)
    worker = make_worker(pool, environment=behind(proxy, server)).start().ready()
    proxy.close()
    wait_for(
        lambda: "the connection to the broker is lost" in worker.get("/readyz")[1],
        30,
        what="the probe to say so",
    )
    assert worker.get("/readyz")[0] == 503
    assert worker.get("/livez")[0] == 200


def test_an_autoscaled_pool_is_ready_with_whatever_it_has(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(capacity=2, processAutoscale={"min": 0, "max": 2}).start().ready()
    control(worker, "autoscale", "2", "0")
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), 30, what="a task to run")
    assert worker.get("/readyz") == (200, "ready")
    control(worker, "autoscale", "1", "1")
    wait_for(lambda: server.report(worker)["capacity"] == 1, 40, what="the report of its size")


def test_a_drained_worker_says_that_and_nothing_else(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker().start().ready()
    control(worker, "cancel_consumer", "celery")
    wait_for(lambda: server.report_in_state(worker, "paused"), 30, what="the report")
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), 8, what="the worker to drain")
    wait_for(lambda: worker.get("/readyz") == (503, "drained"), 5, what="the probe")
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.ended(timeout=15) == 0
