"""However a task ends, its message is settled, its slot is free and its result says that it failed."""

import json
from collections.abc import Callable, Sequence

import pytest

from tests.runtime.inspect import control
from tests.runtime.messages import message
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import POOLS, every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

BASE_EXCEPTIONS = ("cancelled", "closes_a_generator", "raises_a_class_of_its_own", "runs_out_of_memory")
# On prefork these end the child, which counts as lost.
EXITS = ("exits", "is_interrupted")
GREEN = ("green_timeout", "greenlet_exit", "is_killed")
HANDLERS = ("on_success", "on_failure", "on_retry", "after_return", "task_prerun", "task_postrun")


def ways_of(pool: str) -> list[str]:
    return [
        *BASE_EXCEPTIONS,
        *(EXITS if pool != "prefork" else ()),
        *(GREEN if pool in ("gevent", "eventlet") else ()),
    ]


def send(server: RedisServer, task: str, *args: object) -> str:
    """A task whose result is wanted."""
    task_id = f"{task}-{'-'.join(map(str, args))}"
    body = message(task, args, task_id=task_id, priority=0, eta=None, route=("", "celery"))
    body["headers"]["ignore_result"] = False
    server.client.lpush("celery", json.dumps(body))
    return task_id


def is_settled(server: RedisServer, worker: Worker) -> bool:
    report = server.report(worker)
    unacked = server.client.exists("celery", "unacked", "unacked_index", "celery.dead")
    return unacked == 0 and (report.get("active"), report.get("prefetched")) == (0, 0)


def states(server: RedisServer, tasks: Sequence[str]) -> dict[str, str]:
    results = {task: server.client.get(f"celery-task-meta-{task}") for task in tasks}
    return {task: json.loads(str(value))["status"] if value else "none" for task, value in results.items()}


@every_pool
def test_a_task_that_ends_past_celerys_tracer_has_failed_and_gives_its_slot_to_the_next(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="ends").start().ready()
    tasks = [
        send(server, f"ends.{name}", way) for name in ("end", "end_acknowledged") for way in ways_of(pool)
    ]
    fine = send(server, "ends.fine")
    wait_for(lambda: fine in server.finished(), 30, what="the task behind them to run")
    # The report may be older than the last task, and one that was acknowledged early is in no list any more.
    wait_for(
        lambda: states(server, tasks) == dict.fromkeys(tasks, "FAILURE"),
        30,
        what="every result to be a failure",
    )
    wait_for(lambda: is_settled(server, worker), 30, what="all to be settled")
    assert worker.get("/livez")[0] == 200


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool != "prefork"])
def test_a_handler_that_ends_past_celerys_tracer_settles_its_task(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="ends").start().ready()
    for handler in HANDLERS:
        for way in ("cancelled", "exits", "runs_out_of_memory", "rejects"):
            send(server, "ends.end_in", f"{handler}:{way}")
    fine = send(server, "ends.fine")
    wait_for(lambda: fine in server.finished(), 30, what="the task behind them to run")
    wait_for(lambda: is_settled(server, worker) or server.report(worker)["eta"], 30, what="all to be settled")


@every_pool
def test_a_result_that_cannot_be_stored_settles_its_task(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="ends").start().ready()
    send(server, "ends.end", "has_an_unencodable_result")
    for way in ("a result", "cancelled", "runs_out_of_memory", "has_an_unencodable_result"):
        send(server, "ends.end_unstored", way)
    fine = send(server, "ends.fine")
    wait_for(lambda: fine in server.finished(), 30, what="the task behind them to run")
    wait_for(lambda: is_settled(server, worker), 30, what="all to be settled")


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_task_that_stops_its_worker_is_not_given_to_the_next(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="ends").start().ready()
    task = send(server, "ends.end", "stops_its_worker")
    wait_for(lambda: states(server, [task]) == {task: "FAILURE"}, 30, what="its result")
    if pool == "solo":
        worker.ended()
    wait_for(lambda: server.client.exists("celery", "unacked") == 0, 30, what="it to be settled")


def test_a_waiting_task_that_is_terminated_on_threads_gives_its_slot_to_the_next(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    """The pool can terminate nothing, and Celery's error comes where nobody hears it."""
    worker = make_worker("threads", app="ends", capacity=1, prefetchMultiplier=3).start().ready()
    send(server, "ends.waits")
    waiting = send(server, "ends.end", "rejects")
    wait_for(lambda: server.report(worker).get("prefetched") == 1, 30, what="the worker to hold both")
    control(worker, "terminate", "TERM", waiting)
    server.client.set("test:go", 1)
    fine = send(server, "ends.fine")
    wait_for(lambda: fine in server.finished(), 30, what="the task behind them to run")
    wait_for(lambda: is_settled(server, worker), 30, what="all to be settled")
    assert states(server, [waiting]) == {waiting: "REVOKED"}


@pytest.mark.long
def test_a_task_that_exits_on_prefork_takes_its_child_and_counts_as_lost(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    make_worker(app="ends").start().ready()
    task = send(server, "ends.end", "exits")
    wait_for(lambda: server.waiting("celery.dead") == [task], 30, what="the last of its redeliveries")
    fine = send(server, "ends.fine")
    wait_for(lambda: fine in server.finished(), 30, what="the next task to run")


@pytest.mark.long
@every_pool
def test_a_task_that_is_nowhere_is_noticed_settled_as_failed_and_said(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="ends").start().ready()
    lost = [send(server, "ends.forgotten", at) for at in range(2)]
    fine = send(server, "ends.fine")
    wait_for(lambda: fine in server.finished(), 60, what="the task behind them to run")
    wait_for(lambda: is_settled(server, worker), 30, what="all to be settled")
    assert states(server, lost) == dict.fromkeys(lost, "FAILURE")
    notes = server.report(worker)["notes"]
    assert any(
        note.startswith("2 tasks ended") and note.endswith("marked as failed, the last: ends.forgotten.")
        for note in notes
    )
