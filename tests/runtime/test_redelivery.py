"""What a task sees of an earlier delivery of its message, and what of that reaches other messages."""

import asyncio
import json
from collections.abc import Callable

import pytest
import redis.asyncio

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery.dead_letter import Request
from taskfleet.brokers.recovery.dead_letters import requeue
from taskfleet.brokers.recovery.redelivery import LOSSES, MAX_REDELIVERIES
from taskfleet.brokers.recovery.requeue_expired import ExpiredRequeuer
from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_give_back import LAYOUT, give_back_of
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
LATER = "2100-01-01T00:00:00+00:00"


def seen(server: RedisServer) -> list[str]:
    """`redelivered` of each start, in order."""
    return [line.split()[2] for line in dict.fromkeys(server.lines("test:start"))]


def marks(server: RedisServer, key: str) -> list[bool]:
    """Of the messages in a list, or of those in hand."""
    if key == "unacked":
        messages = [json.loads(value)[0] for value in server.client.hvals(key)]
    else:
        messages = [json.loads(line) for line in server.lines(key)]
    return [one["properties"]["delivery_info"].get("redelivered", False) for one in messages]


def test_after_a_lost_child(make_worker: MakeWorker, server: RedisServer) -> None:
    make_worker(app="losses").start().ready()
    task = send(server.client, "proj.suicide_once")
    wait_for(lambda: server.finished() == [task], 30, what="the task to end")
    assert seen(server) == ["False", "True"]


@every_pool
def test_after_a_killed_pod(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    first = make_worker(pool, app="losses").start().ready()
    task = send(server.client, "losses.redelivered", 3)
    wait_for(lambda: seen(server) == ["False"], 30, what="the task to start")
    wait_for(lambda: server.report(first).get("active"), 30, what="the report of it")
    first.kill()
    give_back_of(server, first)
    make_worker(pool, app="losses").start().ready()
    wait_for(lambda: server.finished() == [task], 30, what="the task to end")
    assert seen(server) == ["False", "True"]


@pytest.mark.parametrize("how", ["term", "drain", "connection"])
@every_pool
def test_after_it_was_fetched_and_not_run(
    make_worker: MakeWorker, server: RedisServer, pool: str, how: str
) -> None:
    """As kombu does it: the mark says that the message was delivered, not that its task began."""
    worker = make_worker(pool, app="losses").start().ready()
    send(server.client, "losses.redelivered", 0, eta=LATER)
    wait_for(lambda: server.report(worker).get("eta") == 1, 30, what="the worker to hold it")
    if how == "connection":
        with worker.paused():
            server.drop_connections()
        wait_for(lambda: "Trying to re-establish the connection" in worker.log, 30, what="another connection")
        wait_for(lambda: marks(server, "unacked") == [True], 30, what="the worker to hold it again")
        return
    if how == "term":
        worker.terminate().ended()
    else:
        server.drain(worker, 1)
    wait_for(lambda: marks(server, "celery") == [True], 30, what="the message to be back")


def test_after_it_expired(server: RedisServer) -> None:
    """Fetched by a worker of anybody's that has gone."""
    body = message("proj.nap", (0,), task_id="1", priority=0, eta=None, route=("", "celery"))
    server.client.hset("unacked", "tag", json.dumps([body, "", "celery"]))
    server.client.zadd("unacked_index", {"tag": 1})

    async def sweep() -> None:
        async with redis.asyncio.Redis(port=server.port) as client:
            layout = Layout(prefix="", reports=LAYOUT.reports, visibility_timeout=2.0)
            await ExpiredRequeuer(layout, "one").sweep(client)

    asyncio.run(sweep())
    assert marks(server, "celery") == [True]


def test_after_it_was_a_dead_letter(make_worker: MakeWorker, server: RedisServer) -> None:
    body = message("proj.suicide", (), task_id="1", priority=0, eta=None, route=("", "celery"))
    server.client.lpush("celery", json.dumps({LOSSES: MAX_REDELIVERIES, **body}))
    worker = make_worker().start().ready()
    wait_for(lambda: server.client.llen("celery.dead") == 1, 30, what="the dead letter")
    assert worker.terminate().ended() == 0

    async def move_back() -> None:
        async with redis.asyncio.Redis(port=server.port) as client:
            await requeue(client, LAYOUT, ["celery"], Request("one"), pool_uid="uid-1")

    asyncio.run(move_back())
    assert marks(server, "celery") == [True]
    assert LOSSES not in json.loads(server.lines("celery")[0])


def test_a_task_whose_result_is_known_is_not_run_again(make_worker: MakeWorker, server: RedisServer) -> None:
    """Celery's worker_deduplicate_successful_tasks looks at redelivered messages only."""
    results = {"TEST_RESULTS": server.url.replace("/0", "/1")}
    first = make_worker("threads", app="losses", environment=results).start().ready()
    task = send(server.client, "losses.succeeds_early", 60)
    wait_for(lambda: server.started() == [task], 30, what="the task to have its result")
    wait_for(lambda: server.report(first).get("active"), 30, what="the report of it")
    first.kill()
    give_back_of(server, first)
    second = make_worker("threads", app="losses", environment=results).start().ready()
    wait_for(lambda: "already completed successfully" in second.log, 30, what="the second delivery")
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="its acknowledgement")
    assert server.started() == [task]


@pytest.mark.parametrize("way", ["retry", "headers", "replace", "chain", "link"])
def test_losses_are_counted_for_a_message_and_not_for_its_successors(
    make_worker: MakeWorker, server: RedisServer, way: str
) -> None:
    """Eight messages, each of which loses its child once."""
    make_worker(app="losses", capacity=1).start().ready()
    send(server.client, f"losses.by_{way}")
    wait_for(lambda: server.finished() or server.client.llen("celery.dead"), 60, what="the last round")
    assert server.client.llen("celery.dead") == 0
    wait_for(lambda: server.client.llen("test:headers") == 8, 30, what="the note of each round")
    assert {line.split(maxsplit=2)[2] for line in server.lines("test:headers")} == {"None"}
