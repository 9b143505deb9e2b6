"""A message that a script moves is in one place, whichever of the script's writes Redis refuses.

A script does not roll back, and a process that is killed leaves the script whole: so a refusal is the only thing that
can end one between two writes.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import Action
from taskfleet.brokers.failures.failed_task import Request as FailedRequest
from taskfleet.brokers.failures.retry import carry_out
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.dead_letter import Request
from taskfleet.brokers.recovery.dead_letters import requeue as requeue_dead_letters
from taskfleet.brokers.recovery.purge import purge
from taskfleet.brokers.recovery.requeue_expired import ExpiredRequeuer
from taskfleet.brokers.recovery.requeue_unacked import requeue_unacked
from taskfleet_worker.beat.entry import digest
from taskfleet_worker.beat.store import Change, Message, RedisStore
from taskfleet_worker.broker.redis_commands import Returned, Unacked, give_back_unrecorded, requeue
from tests.runtime.redis_server import RedisServer
from tests.unit.brokers.failures.records import LAYOUT, NAMES, WEEK, Pool

START = Incarnation("uid", "pod-1", "s1")
UNACKED = Unacked("app:", "unacked", "unacked_index", "held")
MESSAGE = json.dumps({"body": "W10=", "headers": {"id": "one"}, "properties": {"priority": 0}})
EXPIRING = Layout(prefix="app:", reports=LAYOUT.reports, visibility_timeout=60.0)


@dataclass(frozen=True)
class Move:
    """`before` puts the message at its old place; `act` moves it. `commands`: the writes of the script."""

    before: Callable[[RedisServer], object]
    act: Callable[[str], object]
    commands: tuple[str, ...]
    places: int = 1  # where it is once the move is done


def in_loop(act: Callable[[Redis], Awaitable[object]]) -> Callable[[str], object]:
    async def run(url: str) -> object:
        async with Redis.from_url(url) as client:
            return await act(client)

    return lambda url: asyncio.run(run(url))


def plainly(act: Callable[[Any], object]) -> Callable[[str], object]:
    def run(url: str) -> object:
        with redis.Redis.from_url(url) as client:
            return act(client)

    return run


def held(server: RedisServer, message: str = MESSAGE) -> None:
    server.client.hset(LAYOUT_REPORTS, "/".join(START), "{}")
    server.client.hset("app:unacked", "t1", f'[{message}, "", "q"]')
    server.client.zadd("app:unacked_index", {"t1": 1.0})
    server.client.hset(HELD, "t1", json.dumps([1, "app:q", "app:q.dead"]))


LAYOUT_REPORTS = LAYOUT.key("reports")
HELD = LAYOUT.key("held", "/".join(START))


def expired(server: RedisServer) -> None:
    for queue in ("a", "b"):
        server.client.sadd("app:_kombu.binding.news", "\x06\x16".join(("#", "#", queue)))
    server.client.hset("app:unacked", "t1", f'[{MESSAGE}, "news", "x"]')
    server.client.zadd("app:unacked_index", {"t1": time.time() - 100})


def scheduled(server: RedisServer) -> None:
    server.client.hset("p:schedules", "u1", "entry")
    server.client.hset("p:schedules:state", "u1", "seen")


async def retry_failed(client: Redis) -> object:
    return await carry_out(client, LAYOUT, NAMES, FailedRequest("one", Action.RETRY), retention=WEEK)


async def requeue_dead(client: Redis) -> object:
    return await requeue_dead_letters(client, LAYOUT, ["q"], Request("one"), pool_uid="uid")


async def requeue_of_dead_pod(client: Redis) -> object:
    return await requeue_unacked(client, LAYOUT, START, report=b"{}", now=datetime(2026, 1, 1, tzinfo=UTC))


def of_worker(*, recorded: bool) -> Callable[[str], object]:
    return plainly(lambda client: requeue(client, UNACKED, [Returned("t1", "app:q", MESSAGE, recorded)]))


def of_unknown_record(url: str) -> object:
    return plainly(
        lambda client: give_back_unrecorded(client, UNACKED, Returned("t1", "app:q", MESSAGE, recorded=False))
    )(url)


def settle(client: Any) -> object:
    change = Change("u1", digest(b"entry"), b"seen", b"sent", Message("app:q", MESSAGE))
    if RedisStore(client, "p:").settle([change])[0].verdict == 3:
        raise redis.ResponseError("refused")
    return None


MOVES = {
    "dead-pod": Move(held, in_loop(requeue_of_dead_pod), ("rpush", "hdel", "zrem")),
    "no-message": Move(
        lambda server: held(server, "one"), in_loop(requeue_of_dead_pod), ("rpush", "hdel", "zrem")
    ),
    "expired": Move(
        expired,
        in_loop(lambda client: ExpiredRequeuer(EXPIRING, "us").sweep(client, [])),
        ("rpush", "hdel", "zrem"),
        places=2,
    ),
    "dead-letter": Move(
        lambda server: server.client.rpush("app:q.dead", MESSAGE),
        in_loop(requeue_dead),
        ("lpush", "lpop", "hset"),
    ),
    "failed-task": Move(
        lambda server: Pool(server).fail("one", queue="q"),
        in_loop(retry_failed),
        ("lpush", "zrem", "hdel", "hincrby"),
    ),
    "recorded-by-the-worker": Move(held, of_worker(recorded=True), ("rpush", "hdel", "zrem")),
}
REFUSALS = [
    pytest.param(move, command, id=f"{name}-{command}")
    for name, move in MOVES.items()
    for command in move.commands
]


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> Iterator[None]:
    server.client.flushall()
    yield
    with contextlib.suppress(redis.ResponseError):
        server.client.acl_deluser("limited")


def limited(server: RedisServer, *, commands: tuple[str, ...] = (), keys: tuple[str, ...] = ("*",)) -> str:
    server.client.acl_setuser(
        "limited", enabled=True, reset=True, passwords=["+w"], keys=list(keys),
        commands=["+@all", *(f"-{one}" for one in commands)],
    )  # fmt: skip
    return f"redis://limited:w@127.0.0.1:{server.port}/0"


def places(server: RedisServer) -> list[str]:
    """Where the message is: a list, or a hash that a message is kept in."""
    found = []
    for key in server.client.scan_iter():
        kind = server.client.type(key)
        kept = key == "app:unacked" or key.endswith(":messages")
        values = (
            server.client.lrange(key, 0, -1) if kind == "list" else server.client.hvals(key) if kept else []
        )
        found += [key] * sum("one" in value for value in values)
    return found


def refused(move: Move, url: str) -> None:
    """Tried three times, as whoever moves messages does."""
    for _ in range(3):
        with pytest.raises(redis.ResponseError):
            move.act(url)


@pytest.mark.parametrize(("move", "command"), REFUSALS)
def test_without_the_right_to_a_write_the_message_stays_where_it_is(
    server: RedisServer, move: Move, command: str
) -> None:
    move.before(server)
    before = places(server)
    refused(move, limited(server, commands=(command,)))
    assert places(server) == before
    move.act(server.url)
    after = places(server)
    assert len(after) == move.places
    assert not set(before) & set(after)


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("dead-pod", ["app:q"]),
        ("expired", ["app:a"]),
        ("expired", ["app:b"]),
        ("dead-letter", ["app:q"]),
        ("failed-task", ["app:q"]),
        ("recorded-by-the-worker", ["app:q"]),
        ("no-message", ["app:q.dead"]),
    ],
)
def test_a_list_of_another_type_leaves_the_message_where_it_is(
    server: RedisServer, name: str, lists: list[str]
) -> None:
    move = MOVES[name]
    move.before(server)
    before = places(server)
    for each in lists:
        server.client.set(each, "text")
    refused(move, server.url)
    assert places(server) == before
    server.client.delete(*lists)
    move.act(server.url)
    assert len(places(server)) == move.places


@pytest.mark.parametrize("returning", [of_worker(recorded=False), of_unknown_record], ids=["none", "unknown"])
def test_a_message_without_a_record_waits_for_its_list_and_is_back_once(
    server: RedisServer, returning: Callable[[str], object]
) -> None:
    move = Move(lambda _: None, returning, ())
    server.client.set("app:q", "text")
    refused(move, server.url)
    server.client.delete("app:q")
    for _ in range(2):
        move.act(server.url)
    assert places(server) == ["app:q"]


@pytest.mark.parametrize("command", ["lpush", "hset"])
def test_a_run_that_cannot_be_noted_is_not_sent(server: RedisServer, command: str) -> None:
    scheduled(server)
    move = Move(scheduled, plainly(settle), ())
    refused(move, limited(server, commands=(command,)))
    assert places(server) == []
    move.act(server.url)
    assert places(server) == ["app:q"]


@pytest.mark.parametrize("command", ["unlink", "hset", "expire"])
def test_a_purge_that_was_refused_is_made_up_for_once(server: RedisServer, command: str) -> None:
    server.client.rpush("app:q", "one")
    move = Move(
        lambda _: None,
        in_loop(lambda client: purge(client, LAYOUT, "q", token="one", owner_uid="uid")),
        (),
    )
    refused_url = limited(server, commands=(command,))
    with pytest.raises(redis.ResponseError):
        move.act(refused_url)
    server.client.rpush("app:q", "one")
    left = places(server)
    with contextlib.suppress(redis.ResponseError):
        move.act(refused_url)
    assert places(server) == left
    if command == "expire":  # the last write: the purge is done
        return
    move.act(server.url)
    assert places(server) == []
    server.client.rpush("app:q", "one")
    move.act(server.url)
    assert places(server) == ["app:q"]
