"""What a worker counts of its tasks in Redis equals what was sent and what ran, on every pool."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.interrupted import count_interrupted
from taskfleet.brokers.polling.worker_report import Incarnation
from tests.runtime.inspect import control
from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
Counts = dict[str, int]

TOTALS = "taskfleet:cluster-1:test:outcomes:uid-1"
LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")
PAST = "2020-01-01T00:00:00+00:00"
MEASURES = ("runtime", "wait")

each_acknowledgement = pytest.mark.parametrize(
    "acknowledge", ["Late", pytest.param("Early", marks=pytest.mark.long)]
)


def totals(server: RedisServer) -> Counts:
    """`outcome task [exception]`: how many."""
    found = {}
    for field, value in server.client.hgetall(TOTALS).items():
        kind, name, queue, detail = str(field).split("\n")
        if not kind.startswith(MEASURES):
            assert queue == "celery"
            found[" ".join(filter(None, [kind, name.removeprefix("outcomes."), detail]))] = int(value)
    return found


def measures(server: RedisServer, kind: str) -> list[int]:
    fields = server.client.hgetall(TOTALS).items()
    return [int(value) for field, value in fields if str(field).startswith(f"{kind}\n")]


def counts_are(server: RedisServer, expected: Counts) -> None:
    """Within the time of a fold and the tasks' own, and exactly."""
    wait_for(
        lambda: totals(server) == expected,
        30,
        what=f"{sorted(expected.items())}, but they are {sorted(totals(server).items())}",
    )
    started = Counter(line.removeprefix("outcomes.") for line in server.lines("test:started"))
    assert {
        name.removeprefix("started "): n for name, n in expected.items() if name.startswith("started ")
    } == started


def ends(server: RedisServer) -> int:
    """How many executions have succeeded or failed, whatever the exception."""
    return sum(n for name, n in totals(server).items() if name.startswith(("succeeded ", "failed ")))


def revoke(server: RedisServer, task_id: str) -> None:
    """As another worker heard it."""
    server.client.zadd("taskfleet:cluster-1:test:revoked", {f"id:{task_id}": time.time()})


def send_revoked(server: RedisServer, number: int) -> None:
    body = message(
        "outcomes.succeed", (), task_id=f"revoked-{number}", priority=0, eta=None, route=("", "celery")
    )
    server.client.lpush("celery", json.dumps(body))


@each_acknowledgement
@every_pool
def test_every_outcome_is_counted(
    make_worker: MakeWorker, server: RedisServer, pool: str, acknowledge: str
) -> None:
    for number in range(2):
        revoke(server, f"revoked-{number}")
    worker = make_worker(pool, app="outcomes", acknowledge=acknowledge).start().ready()
    for _ in range(2):
        for exception in ("ValueError", "ValueError", "KeyError"):
            send(server.client, "outcomes.fail", exception)
        for task in ("succeed", "retry_once", "reject", "ignore"):
            send(server.client, f"outcomes.{task}")
        send(server.client, "outcomes.succeed", headers={"expires": PAST})
    for number in range(2):
        send_revoked(server, number)
    expected = {
        "received fail": 6, "started fail": 6, "failed fail ValueError": 4, "failed fail KeyError": 2,
        "received succeed": 2, "started succeed": 2, "succeeded succeed": 2,
        "revoked succeed": 4, "expired succeed": 2,
        "received retry_once": 4, "started retry_once": 4, "retried retry_once": 2, "succeeded retry_once": 2,
        "received reject": 2, "started reject": 2, "rejected reject": 2,
        "received ignore": 2, "started ignore": 2, "ignored ignore": 2,
    }  # fmt: skip
    counts_are(server, expected)
    assert worker.terminate().ended() == 0
    assert totals(server) == expected, "the last fold adds nothing"


@every_pool
def test_what_ends_on_term_is_counted_before_the_worker_ends(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="outcomes", capacity=1).start().ready()
    send(server.client, "outcomes.succeed", 2)
    wait_for(lambda: server.lines("test:started"), 30, what="the task to start")
    assert worker.terminate().ended() == 0
    assert totals(server) == {"received succeed": 1, "started succeed": 1, "succeeded succeed": 1}
    (runtime,) = measures(server, "runtimeMicroseconds")
    assert 2_000_000 <= runtime < 3_000_000


@each_acknowledgement
def test_children_that_run_one_task_each_lose_no_count(
    make_worker: MakeWorker, server: RedisServer, acknowledge: str
) -> None:
    worker = make_worker(app="outcomes", acknowledge=acknowledge, arguments=("--max-tasks-per-child=1",))
    worker.start().ready()
    for _ in range(10):
        send(server.client, "outcomes.succeed")
        send(server.client, "outcomes.fail", "OSError")
    counts_are(
        server,
        {
            "received succeed": 10, "started succeed": 10, "succeeded succeed": 10,
            "received fail": 10, "started fail": 10, "failed fail OSError": 10,
        },
    )  # fmt: skip


@each_acknowledgement
def test_a_time_limit_fails_a_task_once(
    make_worker: MakeWorker, server: RedisServer, acknowledge: str
) -> None:
    make_worker(app="outcomes", acknowledge=acknowledge).start().ready()
    send(server.client, "outcomes.too_long")
    send(server.client, "outcomes.too_long_softly")
    counts_are(
        server,
        {
            "received too_long": 1, "started too_long": 1,
            "failed too_long TimeLimitExceeded": 1, "timedOut too_long": 1,
            "received too_long_softly": 1, "started too_long_softly": 1,
            "failed too_long_softly SoftTimeLimitExceeded": 1, "timedOut too_long_softly": 1,
        },
    )  # fmt: skip


@each_acknowledgement
def test_a_task_whose_child_was_killed_is_interrupted_and_its_next_run_a_success(
    make_worker: MakeWorker, server: RedisServer, acknowledge: str
) -> None:
    make_worker(app="outcomes", acknowledge=acknowledge).start().ready()
    send(server.client, "outcomes.lose_the_child_once")
    name = "lose_the_child_once"
    again = {f"interrupted {name}": 1, f"succeeded {name}": 1}
    ends = again if acknowledge == "Late" else {f"failed {name} WorkerLostError": 1}
    runs = len(ends)
    counts_are(server, {f"received {name}": runs, f"started {name}": runs, **ends})


def test_a_running_task_that_is_terminated_is_revoked(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(app="outcomes").start().ready()
    task = send(server.client, "outcomes.succeed", 60)
    wait_for(lambda: server.lines("test:started"), 30, what="the task to start")
    control(worker, "terminate", "TERM", task)
    counts_are(server, {"received succeed": 1, "started succeed": 1, "revoked succeed": 1})


@every_pool
def test_what_a_killed_worker_ran_is_interrupted_by_whoever_requeues_it(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="outcomes").start().ready()
    send(server.client, "outcomes.succeed")
    send(server.client, "outcomes.succeed", 60)
    both = {"received succeed": 2, "started succeed": 2, "succeeded succeed": 1}
    wait_for(lambda: totals(server) == both, 30, what="the fold of both")
    start = server.start_of(worker)
    worker.kill()
    report = str(server.client.hget(LAYOUT.reports, start)).encode()

    async def requeue() -> list[int]:
        async with Redis.from_url(server.url) as client:
            one = Incarnation(*start.split("/"))
            return [await count_interrupted(client, LAYOUT, one, report=report) for _ in range(2)]

    assert asyncio.run(requeue()) == [1, 0]
    assert totals(server) == {**both, "interrupted succeed": 1}


def test_totals_survive_lost_connections_and_a_restart_of_redis(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    make_worker("threads", app="outcomes").start().ready()
    for at in range(60):
        send(server.client, "outcomes.succeed", 0.05)
        if at in (20, 40):
            server.drop_connections()
    wait_for(lambda: totals(server).get("succeeded succeed", 0) > 20, 30, what="some of them")
    before = totals(server)["succeeded succeed"]
    server.kill()
    server.start()
    # The ledger's own connection loses a line where it is cut, so it is not asked.
    wait_for(lambda: server.client.exists("celery", "unacked") == 0, 60, what="all to be settled")
    # A task fails where the ledger does not answer it.
    wait_for(lambda: ends(server) == totals(server)["started succeed"] >= 60, 30, what="the last fold")
    assert totals(server)["succeeded succeed"] >= before


def test_a_wait_is_what_the_message_tells(make_worker: MakeWorker, server: RedisServer) -> None:
    make_worker("threads", app="outcomes").start().ready()
    send(server.client, "outcomes.succeed")
    send(server.client, "outcomes.succeed", eta=(datetime.now(UTC) - timedelta(seconds=100)).isoformat())
    send(server.client, "outcomes.succeed", headers={"timestamp": time.time() - 200})
    wait_for(lambda: totals(server).get("succeeded succeed") == 3, 30, what="the tasks to end")
    (waited,) = measures(server, "waitMicroseconds")
    assert 300 <= waited / 1_000_000 < 320
    assert sum(measures(server, "waitBucket")) == 2
