"""A worker that nobody heard of for long begins nothing that may be somebody else's by now, and loses nothing either."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.requeue_unacked import Requeued
from tests.runtime.giving_back import give_back_dead
from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")


def impatient(worker: Worker) -> Worker:
    """With 2 s in place of the 100 s after which nothing begins."""
    path = worker.folder / "taskfleet" / "taskfleet_worker" / "messages" / "fence.py"
    text = path.read_text()
    assert "PATIENCE = 100.0" in text
    path.write_text(text.replace("PATIENCE = 100.0", "PATIENCE = 2.0"))
    return worker


def full(
    make_worker: MakeWorker, server: RedisServer, pool: str, *, seconds: float
) -> tuple[Worker, list[str], int]:
    """A worker that runs one task and holds others, the tasks, and how many it holds: the first is due in 8 s, the
    second runs.
    """
    worker = impatient(make_worker(pool, capacity=1, prefetchMultiplier=4)).start().ready()
    eta = (datetime.now(UTC) + timedelta(seconds=8)).isoformat()
    tasks = [send(server.client, "proj.nap", 0, eta=eta)]
    tasks += [send(server.client, "proj.nap", seconds) for _ in range(4)]
    wait_for(lambda: server.started() == tasks[1:2], 30, what="a task to start")
    wait_for(lambda: server.report(worker).get("active") == 1, 30, what="its report")
    return worker, tasks, server.held_when_full(worker)


def give_back_lost(server: RedisServer, worker: Worker) -> Requeued:
    """What the operator does once the worker was silent for 120 s and its node is lost."""

    async def run() -> Requeued:
        async with redis.asyncio.Redis(port=server.port) as client:
            start = Incarnation(*server.start_of(worker).split("/"))
            return await give_back_dead(client, LAYOUT, start, lost=True)

    return asyncio.run(run())


@every_pool
def test_what_was_given_to_others_meanwhile_does_not_begin(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    frozen, tasks, held = full(make_worker, server, pool, seconds=5)
    with frozen.paused():
        assert give_back_lost(server, frozen) == Requeued(held)
        make_worker("threads", capacity=5).start().ready()
        wait_for(lambda: sorted(server.finished()) == sorted(tasks), 30, what="the others to run them")
    wait_for(lambda: server.report(frozen).get("active") == 0, 30, what="its own task to end")
    if pool != "solo":
        note = f"{held - 1} messages were not started, because Redis did not answer for 2 s."
        wait_for(lambda: note in str(server.report(frozen).get("notes")), 30, what="the note")
    again = send(server.client, "proj.nap", 0)
    wait_for(lambda: again in server.finished(), 30, what="a new task")
    runs = Counter(server.started())
    assert {task: runs[task] for task in tasks} == {task: 1 + (task == tasks[1]) for task in tasks}
    left = ("celery", "unacked", "unacked_index")
    wait_for(lambda: not server.client.exists(*left), 30, what="the last acknowledgement")


@every_pool
def test_after_a_silence_in_which_nothing_was_given_to_others_each_task_runs_once(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    frozen, tasks, _ = full(make_worker, server, pool, seconds=4)
    with frozen.paused():
        make_worker("threads").start().ready()
    wait_for(lambda: sorted(server.finished()) == sorted(tasks), 30, what="all tasks")
    assert sorted(server.started()) == sorted(tasks)
    wait_for(lambda: not server.client.exists("celery", "unacked"), 30, what="the end")


@pytest.mark.parametrize("pool", ["threads", "gevent", "eventlet"])
def test_nothing_begins_while_redis_cannot_be_reached(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    proxy = Proxy(server.port)
    notes = {"TEST_NOTES_URL": server.url}
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
        notes[name] = proxy.url
    worker = impatient(make_worker(pool, capacity=1, prefetchMultiplier=4, environment=notes)).start().ready()
    tasks = [send(server.client, "proj.nap", 6) for _ in range(5)]
    wait_for(lambda: len(server.started()) == 1, 30, what="a task to start")
    ahead = server.held_when_full(worker) - 1
    assert ahead
    proxy.close()
    wait_for(lambda: _dropped(worker) == ahead, 30, what="its words about the others")
    assert server.started() == tasks[:1]


def test_a_worker_whose_clock_stood_still_learns_by_its_report_that_it_was_given_up(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker("threads", capacity=1, prefetchMultiplier=2).start().ready()
    tasks = [send(server.client, "proj.nap", 8) for _ in range(2)]
    wait_for(lambda: server.held(worker) == 2, 30, what="the worker to be full")
    wait_for(lambda: server.report(worker).get("active") == 1, 30, what="its report")
    with worker.paused():
        assert give_back_lost(server, worker) == Requeued(2)
        make_worker("threads", capacity=2).start().ready()
        wait_for(lambda: len(server.started()) == 3, 30, what="the other worker to begin both")
    wait_for(lambda: "were not started" in str(server.report(worker).get("notes")), 30, what="the note")
    wait_for(lambda: len(server.finished()) == 3, 30, what="their ends")
    assert Counter(server.started()) == {tasks[0]: 2, tasks[1]: 1}


def _dropped(worker: Worker) -> int:
    """How many messages its log says were not started."""
    return sum(map(int, re.findall(r"taskfleet: (\d+) messages were not started", worker.log)))
