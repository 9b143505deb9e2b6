"""Every way to end a worker: Celery's exit code, no message lost, and nothing of the worker left in Redis."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.inspect import shut_down
from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
TERM, QUIT, INT = signal.SIGTERM, signal.SIGQUIT, signal.SIGINT


def ends_with(worker: Worker, *signals: signal.Signals) -> int:
    for number in signals[:-1]:
        os.kill(worker.pid, number)
        wait_for(lambda: "shutdown" in worker.log, 30, what="the worker to take note")
    os.kill(worker.pid, signals[-1])
    return worker.ended(timeout=20)


def begin(server: RedisServer, seconds: float) -> str:
    task = send(server.client, "proj.nap", seconds)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    return task


def requeued_or_finished(server: RedisServer, task: str) -> bool:
    return [*server.waiting("celery"), *server.finished()] == [task]


def left_behind(server: RedisServer) -> list[str]:
    return server.left_behind() + sorted(map(str, server.client.keys("unack*")))


@every_pool
def test_what_waits_in_the_pool_goes_back_in_its_order_when_the_worker_stops(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1, prefetchMultiplier=3).start().ready()
    first, *others = [send(server.client, "proj.nap", 3) for _ in range(5)]
    wait_for(lambda: server.started() == [first], 30, what="the first task to start")
    assert ends_with(worker, TERM) == 0
    # The threads of Celery up to 5.6 finish all that they hold, green pools the one that they were about to begin.
    assert [*server.finished(), *server.waiting("celery")] == [first, *others]


@pytest.mark.parametrize(
    ("signals", "code", "environment"),
    [
        pytest.param((QUIT,), 0, {}, id="quit"),
        pytest.param((TERM,), 0, {"REMAP_SIGTERM": "SIGQUIT"}, id="term-remapped-to-quit"),
        pytest.param((INT,), 1, {}, id="int"),
        pytest.param((TERM, QUIT), 0, {}, id="quit-after-term"),
    ],
)
@every_pool
def test_an_idle_worker_ends_as_celerys_does(
    make_worker: MakeWorker,
    server: RedisServer,
    *,
    pool: str,
    signals: tuple[signal.Signals, ...],
    code: int,
    environment: dict[str, str],
) -> None:
    worker = make_worker(pool, environment=environment).start().ready()
    assert ends_with(worker, *signals) == code, worker.log
    assert "Traceback" not in worker.log
    assert left_behind(server) == []


@pytest.mark.parametrize("moment", ["turn", "handler"])
def test_a_signal_in_the_middle_of_a_turn_or_another_handler_ends_the_worker(
    make_worker: MakeWorker, server: RedisServer, moment: str
) -> None:
    worker = make_worker(app="interrupted", environment={"TEST_MOMENT": moment}).start()
    assert worker.ended(timeout=30) == 0, worker.log
    assert "Traceback" not in worker.log
    assert left_behind(server) == []


@pytest.mark.parametrize(
    "signals", [(QUIT,), (INT, INT), (TERM, QUIT)], ids=["quit", "int-twice", "quit-after-term"]
)
@every_pool
def test_a_cold_shutdown_requeues_what_runs(
    make_worker: MakeWorker, server: RedisServer, *, pool: str, signals: tuple[signal.Signals, ...]
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = begin(server, 6)
    ends_with(worker, *signals)
    assert requeued_or_finished(server, task)
    assert left_behind(server) == []


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@every_pool
def test_control_shutdown_ends_a_worker_as_term_does(
    make_worker: MakeWorker, server: RedisServer, *, pool: str, busy: bool
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    tasks = [begin(server, 4)] if busy else []
    shut_down(worker)
    assert worker.ended(timeout=20) == 0
    assert server.finished() == tasks
    assert left_behind(server) == []


@every_pool
def test_a_soft_shutdown_lets_short_tasks_end(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1, environment={"TEST_SOFT_SHUTDOWN": "4"}).start().ready()
    if not begins_soft(worker):
        return  # Celery 5.5 and newer have it; an older one cuts off what runs, or is too slow to
    task = begin(server, 2)
    ends_with(worker, QUIT)
    assert requeued_or_finished(server, task)
    assert left_behind(server) == []


def test_a_soft_shutdown_counts_as_stopping_while_it_waits(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(capacity=1, environment={"TEST_SOFT_SHUTDOWN": "4"}).start().ready()
    if not begins_soft(worker):
        return  # Celery 5.5 and newer have it
    task = begin(server, 30)
    os.kill(worker.pid, QUIT)
    wait_for(lambda: server.report_in_state(worker, "stopping"), 2, what="the report of it")
    assert worker.get("/readyz") == (503, "stopping")
    assert worker.ended(timeout=20) == 0
    assert server.waiting("celery") == [task]


def begins_soft(worker: Worker) -> bool:
    version = next(line for line in worker.log.splitlines() if " v5." in line)
    return tuple(map(int, version.split(" v")[1].split()[0].split(".")[:2])) >= (5, 5)


def test_a_child_that_reached_its_memory_limit_is_replaced(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(capacity=1, arguments=("--max-memory-per-child=1",)).start().ready()
    (first,) = worker.children()
    tasks = [send(server.client, "proj.nap", 0) for _ in range(3)]
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 30, what="the tasks to end")
    wait_for(lambda: worker.children() not in ([], [first]), 30, what="another child")
    assert ends_with(worker, TERM) == 0
    assert left_behind(server) == []


def test_children_do_not_outlive_a_killed_parent(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(capacity=2).start().ready()
    children = worker.children()
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.ended() == -signal.SIGKILL
    wait_for(lambda: not any(alive(pid) for pid in children), 15, what="the children to go")
    assert server.report(worker), "the operator finds by it what the worker held"


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_worker_that_ends_by_an_error_of_its_own_leaves_nothing(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker("threads", capacity=1).start().ready()
    send(server.client, "proj.break_the_consumer")
    before = time.monotonic()
    assert worker.ended(timeout=20) == 1
    assert time.monotonic() - before < 12
    assert [key for key in left_behind(server) if "reports" in key] == []
