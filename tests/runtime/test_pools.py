"""What holds for a worker of every pool: it becomes ready, runs tasks, answers probes, ends on TERM."""

from collections.abc import Callable

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")

every_pool = pytest.mark.parametrize("pool", POOLS)


@every_pool
def test_tasks_run_and_probes_answer_while_they_burn_cpu(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    task = send(server.client, "proj.burn", 2)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    for path in ("/readyz", "/livez"):
        assert worker.get(path)[0] == 200
    assert server.finished() == []
    wait_for(lambda: server.finished() == [task], 30, what="the task to end")


@every_pool
def test_term_lets_the_running_task_end_and_leaves_the_rest(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    tasks = [send(server.client, "proj.nap", 2) for _ in range(4)]
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    assert worker.terminate().ended(timeout=40) == 0
    ran = server.finished()
    assert ran[0] == tasks[0]
    assert server.started() == ran
    # gevent and eventlet run what they had fetched ahead.
    assert server.client.llen("celery") + len(ran) == 4


@every_pool
def test_term_ends_an_idle_worker(make_worker: MakeWorker, pool: str) -> None:
    worker = make_worker(pool).start().ready()
    assert worker.terminate().ended(timeout=15) == 0


@every_pool
def test_strict_order_empties_the_left_queue_first(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    low = [send(server.client, "proj.nap", 0, queue="low") for _ in range(10)]
    high = [send(server.client, "proj.nap", 0, queue="high") for _ in range(10)]
    make_worker(pool, capacity=1, queues=["high", "low"]).start().ready()
    # Without a pause between one task and the next, too: up to kombu 5.6 the threads pool made one of a second.
    wait_for(lambda: len(server.finished()) == 20, 15, what="all tasks to end")
    assert server.started() == high + low


def test_a_priority_goes_before_the_order_of_queues(make_worker: MakeWorker, server: RedisServer) -> None:
    late = send(server.client, "proj.nap", 0, queue="high", priority=6)
    soon = send(server.client, "proj.nap", 0, queue="low", priority=0)
    make_worker("solo", queues=["high", "low"]).start().ready()
    wait_for(lambda: len(server.finished()) == 2, 30, what="both tasks to end")
    assert server.started() == [soon, late]


def test_a_task_may_start_a_python_of_its_own(make_worker: MakeWorker, server: RedisServer) -> None:
    make_worker().start().ready()
    task = send(server.client, "proj.child")
    wait_for(lambda: server.client.llen("test:end"), 30, what="the task to end")
    assert server.finished() == [task]
    assert server.lines("test:end")[0].endswith(" fine ")


@pytest.mark.parametrize("pool", ["prefork", "gevent", "eventlet"])
def test_a_worker_that_scales_its_own_processes_runs_tasks(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    make_worker(pool, capacity=3, processAutoscale={"min": 1, "max": 3}).start().ready()
    tasks = [send(server.client, "proj.nap", 1) for _ in range(6)]
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 30, what="all tasks to end")
