"""Draining: nothing new starts, what has not started goes back in its place, and an absent operator lifts it."""

from collections.abc import Callable

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import POOLS, every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


@every_pool
def test_a_busy_worker_drains_when_its_task_ends_and_starts_no_other(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    tasks = [send(server.client, "proj.nap", 8) for _ in range(4)]  # the worker looks for its lease every 4 s
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    server.drain(worker, lease=7)
    assert worker.get("/readyz")[0] == 200
    report = wait_for(lambda: server.report_in_state(worker, "drained"), 30, what="the worker to be drained")
    assert report["drain"] == 7
    ran = server.finished()
    assert ran[0] == tasks[0]
    # gevent and eventlet finish the one that they were about to hand to the pool.
    assert len(ran) == 1 or (pool in ("gevent", "eventlet") and len(ran) == 2)
    assert server.waiting("celery") == tasks[len(ran) :]
    wait_for(lambda: worker.get("/readyz")[0] == 503, 1, what="readiness to drop")
    assert worker.get("/livez")[0] == 200


@every_pool
def test_a_drained_worker_takes_no_message_and_goes_on_when_the_lease_is_lifted(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), 10, what="the worker to be drained")
    tasks = [send(server.client, "proj.nap", 0) for _ in range(3)]
    assert server.waiting("celery") == tasks
    server.lift(worker)
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 10, what="the tasks to run")
    wait_for(lambda: server.report_in_state(worker, "ready"), 3, what="the report of it")
    assert worker.get("/readyz")[0] == 200


@every_pool
def test_a_worker_that_was_asked_before_it_started_takes_no_message(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    """The operator removes a pod that starts on this: its first report says that it drains."""
    worker = make_worker(pool)
    tasks = [send(server.client, "proj.nap", 0) for _ in range(3)]
    server.drain(worker, lease=1)
    worker.start()
    first = wait_for(lambda: server.report(worker), 60, what="the first report")
    assert first["drain"] == 1
    wait_for(lambda: server.report_in_state(worker, "drained"), 10, what="the worker to be drained")
    assert server.waiting("celery") == tasks
    server.lift(worker)
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 10, what="the tasks to run")


def test_a_lease_that_nobody_renews_ends_by_itself(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker("threads").start().ready()
    server.drain(worker, lease=1, milliseconds=9000)  # the worker looks for it every 4 s
    wait_for(lambda: server.report_in_state(worker, "drained"), 10, what="the worker to be drained")
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), 30, what="the task to run")


@every_pool
def test_tasks_that_wait_for_their_time_go_back_at_once(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    tasks = [send(server.client, "proj.nap", 0, eta="2100-01-01T00:00:00+00:00") for _ in range(3)]
    wait_for(lambda: server.report(worker).get("eta") == 3, 30, what="the worker to hold them")
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), 10, what="the worker to be drained")
    assert server.waiting("celery") == tasks
    assert server.client.hlen("unacked") == 0


def test_prefetched_tasks_go_back_at_once_in_their_order(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(capacity=1, prefetchMultiplier=4).start().ready()
    tasks = [send(server.client, "proj.nap", 30) for _ in range(6)]
    wait_for(lambda: server.report(worker).get("prefetched") == 3, 30, what="the worker to prefetch")
    server.drain(worker, lease=1)
    # The worker looks for its lease every 4 s; the fetch that is under way then may take another.
    wait_for(lambda: server.waiting("celery") == tasks[1:], 15, what="the rest to be back in line")
    assert server.finished() == []


def test_rate_limited_tasks_go_back_at_once(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker("threads", capacity=3).start().ready()
    tasks = [send(server.client, "proj.limited") for _ in range(3)]
    wait_for(lambda: server.report(worker).get("limited") == 2, 30, what="the worker to hold two")
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), 10, what="the worker to be drained")
    assert server.waiting("celery") == tasks[1:]


@pytest.mark.parametrize("pool", ["solo", "gevent", "eventlet"])
def test_a_lease_is_acknowledged_while_a_task_keeps_the_cpu(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = send(server.client, "proj.burn", 10)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    server.drain(worker, lease=3)
    report = wait_for(lambda: server.report_in_state(worker, "draining"), 8, what="the acknowledgement")
    assert report["drain"] == 3
    assert server.finished() == []


@pytest.mark.parametrize("pool", POOLS)
def test_no_task_is_started_after_drained_although_messages_keep_coming(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    tasks: list[str] = []

    def drained_while_sending() -> bool:
        tasks.append(send(server.client, "proj.nap", 0))
        return bool(server.report_in_state(worker, "drained"))

    server.drain(worker, lease=1)
    wait_for(drained_while_sending, 10, what="the worker to be drained", poll=0.005)
    ran = server.started()
    assert sorted(server.finished()) == sorted(ran)
    last = [send(server.client, "proj.nap", 0) for _ in range(3)]
    seq = server.report(worker)["seq"]
    wait_for(lambda: server.report(worker)["seq"] > seq + 1, 6, what="two more reports")
    assert server.started() == ran
    assert server.waiting("celery") == [task for task in tasks if task not in ran] + last


@every_pool
@pytest.mark.parametrize("fault", ["cut", "restart"])
def test_a_busy_worker_is_not_drained_by_a_connection_that_is_lost(
    make_worker: MakeWorker, server: RedisServer, pool: str, fault: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = send(server.client, "proj.nap", 12)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    server.drain(worker, lease=7)
    wait_for(lambda: server.report_in_state(worker, "draining"), 10, what="the worker to drain")
    if fault == "restart":
        server.kill()
        server.start()
    else:
        server.client.client_kill_filter(_type="normal", skipme=True)

    def ended() -> bool:
        done = (
            task in server.finished()
        )  # asked first: the answers that follow are about a time before its end
        said = worker.get("/readyz")
        assert done or said[1] != "drained", f"said to be drained while its task runs: {said}"
        return done

    wait_for(ended, 40, what="the task to end")
