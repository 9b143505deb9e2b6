"""Messages that were set aside, on a real Redis: what is shown of them, and how they get back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery import dead_letters as module
from taskfleet.brokers.recovery.dead_letter import DeadLetter, Request
from taskfleet.brokers.recovery.dead_letters import dead_letters, requeue
from taskfleet.brokers.recovery.redelivery import LOSSES, REASON
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")
QUEUES = ("high", "low")
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def message(name: str, *, priority: Any = 0, **headers: Any) -> dict[str, Any]:
    told = {"id": name, "task": "shop.pay", "argsrepr": "(1,)", "kwargsrepr": "{}", "stamps": {}, "deep": []}
    return {"body": "W10=", "headers": {**told, **headers}, "properties": {"priority": priority}}


def dead_lettered(server: RedisServer, *names: str, queue: str = "high", **options: Any) -> None:
    """As operator and worker do it: the newest at the right end."""
    for name in names:
        value = {LOSSES: 6, **message(name, **options)}
        server.client.rpush(f"app:{queue}.dead", json.dumps(value))


def run(server: RedisServer, ask: Callable[[Redis], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Redis.from_url(server.url) as client:
            return await ask(client)

    return asyncio.run(asked())


def listed(server: RedisServer) -> list[DeadLetter]:
    return run(server, lambda client: dead_letters(client, LAYOUT, QUEUES))


def requeued(server: RedisServer, token: str = "one", *ids: str) -> int:
    request = Request(token, ids)
    return run(server, lambda client: requeue(client, LAYOUT, QUEUES, request, pool_uid="uid"))


def in_line(server: RedisServer, name: str) -> list[str]:
    """Ids in the order in which workers fetch them."""
    return server.waiting(f"app:{name}")


def aside(server: RedisServer, queue: str = "high") -> list[str]:
    """Ids, those first that were set aside first."""
    return list(reversed(in_line(server, f"{queue}.dead")))


def test_messages_are_listed_queue_after_queue_the_oldest_first(server: RedisServer) -> None:
    dead_lettered(server, "c", queue="low")
    dead_lettered(server, "a", "b")
    found = listed(server)
    assert [(one.queue, one.id) for one in found] == [("high", "a"), ("high", "b"), ("low", "c")]
    assert found[0] == DeadLetter("high", "a", "shop.pay", "(1,) {}", 6)


def test_never_more_than_a_hundred_are_listed(server: RedisServer) -> None:
    dead_lettered(server, *map(str, range(70)))
    dead_lettered(server, *map(str, range(70)), queue="low")
    found = listed(server)
    assert (len(found), found[-1].queue, found[-1].id) == (100, "low", "29")


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("no JSON", id="no-json"),
        pytest.param("[1]", id="a-list"),
        pytest.param('{"headers": null, "properties": null}', id="no-headers"),
        pytest.param('{"taskfleet-losses": [], "headers": {"id": 7, "task": {}}}', id="odd-types"),
        pytest.param("[" * 5000, id="too-deep"),
        pytest.param(json.dumps(message("x" * 300_000)), id="too-large"),
    ],
)
def test_what_is_no_message_of_a_task_is_listed_without_text(server: RedisServer, stored: str) -> None:
    server.client.rpush("app:high.dead", stored)
    assert listed(server) == [DeadLetter("high", "", "", "", 0)]


@pytest.mark.parametrize("place", ["first", "between", "last", "alone"])
@pytest.mark.parametrize("reason", ["plain", 'with "quotes", commas\\ and {braces}', "é" * 50])
def test_the_reason_is_listed_and_goes_when_the_message_goes_back(
    server: RedisServer, place: str, reason: str
) -> None:
    members = list(message("a").items())
    at = {"first": 0, "between": 1, "last": len(members), "alone": 0}[place]
    members.insert(at, (REASON, reason))
    kept = members[:1] if place == "alone" else members
    server.client.rpush("app:high.dead", json.dumps(dict(kept)))
    (found,) = listed(server)
    assert found.reason == reason
    assert requeued(server) == (0 if place == "alone" else 1)
    if place != "alone":
        assert REASON not in json.loads(server.lines("app:high")[0])


def test_long_texts_are_cut_and_foreign_ones_survive_it(server: RedisServer) -> None:
    dead_lettered(server, "a", task="é" * 500, argsrepr="x" * 5000)
    (found,) = listed(server)
    assert found.task.startswith("éé")
    assert len(found.task) == 100
    assert len(found.arguments) < 250


def test_messages_go_to_the_end_of_their_queues_in_their_old_order(server: RedisServer) -> None:
    server.client.lpush("app:high", json.dumps(message("waits")))
    dead_lettered(server, "a", "b")
    dead_lettered(server, "c", queue="low")
    assert requeued(server) == 3
    assert in_line(server, "high") == ["waits", "a", "b"]
    assert in_line(server, "low") == ["c"]
    assert server.client.exists("app:high.dead", "app:low.dead") == 0


@pytest.mark.parametrize(
    ("priority", "line"),
    [
        pytest.param(0, "high", id="most-urgent"),
        pytest.param(5, "high\x06\x163", id="between-two-lists"),
        pytest.param(200, "high\x06\x169", id="beyond"),
        pytest.param(None, "high", id="none"),
        pytest.param("soon", "high", id="no-number"),
    ],
)
def test_a_message_goes_to_the_list_of_its_priority(server: RedisServer, priority: Any, line: str) -> None:
    dead_lettered(server, "a", priority=priority)
    requeued(server)
    assert in_line(server, line) == ["a"]


def test_a_message_comes_back_as_it_was_but_for_its_count_and_the_mark(server: RedisServer) -> None:
    text = f'of a user\'s: "{LOSSES}": 6'
    dead_lettered(server, "a", argsrepr=text, eta=1.5e300)
    requeued(server)
    expected = message("a", argsrepr=text, eta=1.5e300)
    expected["properties"]["delivery_info"] = {"redelivered": True}
    assert json.loads(server.lines("app:high")[0]) == expected


def test_messages_can_be_named_and_the_others_keep_their_order(server: RedisServer) -> None:
    dead_lettered(server, "a", "b", "c", "d")
    assert requeued(server, "one", "b", "d", "unknown") == 2
    assert (in_line(server, "high"), aside(server)) == (["b", "d"], ["a", "c"])


def test_what_cannot_be_read_is_not_moved(server: RedisServer) -> None:
    server.client.rpush("app:high.dead", "no JSON")
    dead_lettered(server, "a")
    assert requeued(server) == 1
    assert server.lines("app:high.dead") == ["no JSON"]


def test_a_request_that_is_repeated_moves_nothing_that_came_after_it(server: RedisServer) -> None:
    dead_lettered(server, "a")
    assert requeued(server) == 1
    dead_lettered(server, "b")
    assert requeued(server) == 1, "what the request has moved in all"
    assert (in_line(server, "high"), aside(server)) == (["a"], ["b"])
    assert requeued(server, "two") == 1
    assert in_line(server, "high") == ["a", "b"]


def test_a_request_that_failed_half_way_is_finished_when_it_is_repeated(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    dead_lettered(server, "a", "b", "c", "d", "e")

    async def fail_after_a_batch(client: Redis) -> int:
        calls: list[str] = []

        class Failing:
            def register_script(self, script: str) -> Callable[..., Awaitable[Any]]:
                calls.append(script)
                if len(calls) > 1:
                    raise ConnectionError
                return client.register_script(script)

        return await requeue(cast(Redis, Failing()), LAYOUT, QUEUES, Request("one"), pool_uid="uid")

    with pytest.raises(ConnectionError):
        run(server, fail_after_a_batch)
    assert in_line(server, "high") == ["a", "b"]
    dead_lettered(server, "later")
    assert requeued(server) == 5
    assert (in_line(server, "high"), aside(server)) == (["a", "b", "c", "d", "e"], ["later"])


def test_a_redis_that_is_full_loses_nothing(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    dead_lettered(server, "a", "b", "c")
    server.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            requeued(server)
    finally:
        server.client.config_set("maxmemory", 0)
    assert sorted(in_line(server, "high") + aside(server)) == ["a", "b", "c"]
    assert requeued(server) == 3
    assert in_line(server, "high") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("ids", "left"),
    [
        pytest.param((), [], id="all"),
        pytest.param(("a", "c"), ["b", None], id="some"),
    ],
)
def test_forgotten_messages_are_gone_and_nobody_gets_them(
    server: RedisServer, ids: tuple[str, ...], left: list[str | None]
) -> None:
    dead_lettered(server, "a", "b", "c")
    server.client.rpush("app:high.dead", json.dumps({"headers": {"id": None}, "properties": {}}))
    request = Request("one", ids, forget=True)
    moved = run(server, lambda client: requeue(client, LAYOUT, QUEUES, request, pool_uid="uid"))
    assert (moved, in_line(server, "high")) == (4 - len(left), [])
    assert list(reversed(in_line(server, "high.dead"))) == left
    server.client.rpush("app:high.dead", "unreadable")
    assert run(server, lambda client: requeue(client, LAYOUT, QUEUES, request, pool_uid="uid")) == moved
    assert server.client.llen("app:high.dead") == len(left) + 1
