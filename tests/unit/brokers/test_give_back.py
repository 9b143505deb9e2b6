"""Giving back what a dead start held, on a real Redis."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.brokers.give_back import COUNT_HEADER, Returned, give_back
from taskfleet.brokers.observation import Layout
from taskfleet.brokers.report import Start
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")
START = Start("uid", "pod-1", "s1")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HELD = "app:taskfleet:c:ns:held:uid/pod-1/s1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()
    server.client.hset("app:taskfleet:c:ns:reports", "/".join(START), "{}")


def hold(server: RedisServer, tag: str, order: int, *, place: str = "app:q", headers: Any = None) -> None:
    """As the worker's channel records a fetched message."""
    told = {"id": tag, "stamps": {}, "stamped_headers": [], **(headers or {})}
    message = {"body": "W10=", "headers": told, "properties": {}}
    server.client.hset("app:unacked", tag, json.dumps([message, "topic-exchange", "some.key"]))
    server.client.zadd("app:unacked_index", {tag: 1.0})
    server.client.hset(HELD, tag, json.dumps([order, place, "app:q.dead"]))


def returned(server: RedisServer) -> Returned:
    async def run() -> Returned:
        async with Redis.from_url(server.url) as client:
            return await give_back(client, LAYOUT, START, now=NOW)

    return asyncio.run(run())


def ids(server: RedisServer, name: str) -> list[str]:
    """Ids in the order in which workers fetch them."""
    return [json.loads(line)["headers"]["id"] for line in reversed(server.lines(name))]


def test_messages_are_back_before_the_others_and_in_their_old_order(server: RedisServer) -> None:
    server.client.lpush("app:q", json.dumps({"headers": {"id": "later"}}))
    for order, tag in enumerate(["first", "second", "third"]):
        hold(server, tag, order)
    assert returned(server) == Returned(given_back=3)
    assert ids(server, "app:q") == ["first", "second", "third", "later"]
    assert server.client.exists("app:unacked", "app:unacked_index", HELD, "app:taskfleet:c:ns:reports") == 0


def test_each_goes_to_the_list_of_its_priority_whatever_its_exchange(server: RedisServer) -> None:
    hold(server, "urgent", 1)
    hold(server, "patient", 2, place="app:q\x06\x169")
    returned(server)
    assert (ids(server, "app:q"), ids(server, "app:q\x06\x169")) == (["urgent"], ["patient"])


def test_a_message_comes_back_as_it_was_but_for_its_count(server: RedisServer) -> None:
    hold(server, "a", 1)
    returned(server)
    message = json.loads(server.lines("app:q")[0])
    assert message == {
        "body": "W10=",
        "headers": {"id": "a", "stamps": {}, "stamped_headers": [], COUNT_HEADER: 1},
        "properties": {},
    }


def test_after_five_redeliveries_a_message_is_set_aside(server: RedisServer) -> None:
    hold(server, "fifth", 1, headers={COUNT_HEADER: 4})
    hold(server, "sixth", 2, headers={COUNT_HEADER: 5})
    assert returned(server) == Returned(given_back=1, set_aside=1)
    assert (ids(server, "app:q"), ids(server, "app:q.dead")) == (["fifth"], ["sixth"])


def test_a_message_that_was_acknowledged_meanwhile_stays_gone(server: RedisServer) -> None:
    hold(server, "done", 1)
    server.client.hdel("app:unacked", "done")
    assert returned(server) == Returned()
    assert server.client.exists("app:q", HELD) == 0


def test_running_it_again_doubles_nothing(server: RedisServer) -> None:
    hold(server, "a", 1)
    returned(server)
    assert returned(server) == Returned()
    assert ids(server, "app:q") == ["a"]


def test_a_task_whose_time_has_not_come_took_nothing_with_it(server: RedisServer) -> None:
    hold(server, "later", 1, headers={"eta": "2026-01-01T12:00:01+00:00", COUNT_HEADER: 5})
    hold(server, "due", 2, headers={"eta": "2026-01-01T11:59:59", COUNT_HEADER: 5})
    assert returned(server) == Returned(given_back=1, set_aside=1)
    assert (ids(server, "app:q"), ids(server, "app:q.dead")) == (["later"], ["due"])
