"""What a worker records of its failed tasks in Redis, on every pool."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import Action, Handled, Request
from taskfleet.brokers.failures.reader import names
from taskfleet.brokers.failures.retry import carry_out
from taskfleet.brokers.key_layout import Layout
from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

POOL = "taskfleet:cluster-1:test:failures:uid-1"
LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")
EVERYTHING = {"failures": {"enabled": True, "arguments": True, "messages": True}}


def records(server: RedisServer) -> dict[str, dict[str, Any]]:
    """By task id."""
    return {str(task): json.loads(text) for task, text in server.client.hgetall(f"{POOL}:records").items()}


def retry(server: RedisServer) -> Handled | None:
    """All of them, as the operator does it."""

    async def carried_out() -> Handled | None:
        async with Redis.from_url(server.url) as client:
            request = Request("one", Action.RETRY)
            return await carry_out(client, LAYOUT, names(LAYOUT, "uid-1"), request, retention=3600)

    return asyncio.run(carried_out())


def wait_for_records(server: RedisServer, number: int) -> dict[str, dict[str, Any]]:
    wait_for(lambda: len(records(server)) == number, 30, what=f"{number} records")
    return records(server)


@pytest.mark.parametrize("acknowledge", ["Late", "Early"])
@every_pool
def test_a_failure_is_recorded_with_its_cause_and_its_message(
    make_worker: MakeWorker, server: RedisServer, pool: str, acknowledge: str
) -> None:
    worker = make_worker(pool, app="outcomes", acknowledge=acknowledge, **EVERYTHING).start().ready()
    send(server.client, "outcomes.succeed")
    send(server.client, "outcomes.ignore")
    task = send(server.client, "outcomes.fail", "KeyError", priority=3, headers={"retries": 2, "group": "g"})
    record = wait_for_records(server, 1)[task]
    assert record.pop("time") > 1.7e9
    assert 0 <= record.pop("runtime") < 30
    assert record == {
        "id": task, "name": "outcomes.fail", "queue": "celery", "priority": 3, "exception": "KeyError",
        "message": "'no'", "root": task, "group": "g", "retries": 2, "chord": False,
        "args": "('KeyError',)", "kwargs": "{}",
    }  # fmt: skip
    traceback = str(server.client.hget(f"{POOL}:tracebacks", task))
    assert 'raise getattr(builtins, exception)("no")' in traceback

    assert retry(server) == Handled(1)
    wait_for(
        lambda: server.lines("test:started").count("outcomes.fail") == 2, 30, what="the task to run again"
    )
    assert wait_for_records(server, 1)[task]["retries"] == 0, "as if it were new"
    assert worker.terminate().ended() == 0
    assert list(records(server)) == [task]
    assert server.client.exists("celery", "celery\x06\x163", "unacked") == 0


def test_neither_arguments_nor_messages_are_kept_unless_asked_for(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    make_worker("threads", app="outcomes").start().ready()
    task = send(server.client, "outcomes.fail", "ValueError")
    assert not {"args", "kwargs"} & wait_for_records(server, 1)[task].keys()
    assert server.client.exists(f"{POOL}:messages") == 0


def test_nothing_is_recorded_where_it_is_not_enabled(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker("threads", app="outcomes", failures={"enabled": False}).start().ready()
    send(server.client, "outcomes.fail", "ValueError")
    wait_for(lambda: server.lines("test:started"), 30, what="the task to start")
    assert worker.terminate().ended() == 0
    assert server.client.keys("*:failures:*") == []


@every_pool
def test_what_fails_on_term_is_recorded_before_the_worker_ends(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="outcomes", capacity=1).start().ready()
    tasks = {send(server.client, "outcomes.fail", "ValueError")}
    wait_for(lambda: server.lines("test:started"), 30, what="the task to start")
    assert worker.terminate().ended() == 0
    assert records(server).keys() == tasks


def test_time_limits_and_lost_children_are_causes(make_worker: MakeWorker, server: RedisServer) -> None:
    make_worker(app="outcomes", acknowledge="Early", **EVERYTHING).start().ready()
    tasks = {
        send(server.client, "outcomes.too_long"): "TimeLimitExceeded",
        send(server.client, "outcomes.too_long_softly"): "SoftTimeLimitExceeded",
        send(server.client, "outcomes.lose_the_child_once"): "WorkerLostError",
    }
    found = wait_for_records(server, 3)
    assert {task: record["exception"] for task, record in found.items()} == tasks
    assert server.client.hlen(f"{POOL}:messages") == 3


def test_failures_outlive_lost_connections_each_once(make_worker: MakeWorker, server: RedisServer) -> None:
    make_worker("threads", app="outcomes", **EVERYTHING).start().ready()
    tasks = set()
    for at in range(60):
        tasks.add(send(server.client, "outcomes.fail", "OSError"))
        if at in (20, 40):
            server.drop_connections()
    assert wait_for_records(server, 60).keys() == tasks


def test_a_chord_member_says_so(make_worker: MakeWorker, server: RedisServer) -> None:
    make_worker(app="outcomes").start().ready()
    task = send(server.client, "outcomes.fail", "OSError", chord={"task": "outcomes.succeed"})
    assert wait_for_records(server, 1)[task]["chord"] is True
