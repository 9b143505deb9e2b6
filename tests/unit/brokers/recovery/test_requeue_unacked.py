"""Giving back what a dead start held, on a real Redis."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.redelivery import LOSSES
from taskfleet.brokers.recovery.requeue_unacked import Requeued, requeue_unacked
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")
START = Incarnation("uid", "pod-1", "s1")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HELD = "app:taskfleet:c:ns:held:uid/pod-1/s1"


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()
    server.client.hset("app:taskfleet:c:ns:reports", "/".join(START), "{}")


def hold(
    server: RedisServer, tag: str, order: int, *, place: str = "app:q", losses: int = 0, **headers: Any
) -> None:
    """As the worker's channel records a fetched message."""
    told = {"id": tag, "stamps": {}, "stamped_headers": [], **headers}
    count = {LOSSES: losses} if losses else {}
    message = {**count, "body": "W10=", "headers": told, "properties": {}}
    server.client.hset("app:unacked", tag, json.dumps([message, "", "q"]))
    server.client.zadd("app:unacked_index", {tag: 1.0})
    server.client.hset(HELD, tag, json.dumps([order, place, "app:q.dead"]))


def returned(server: RedisServer, *, report: bytes = b"{}", lost: bool = False) -> Requeued:
    async def run() -> Requeued:
        async with Redis.from_url(server.url) as client:
            return await requeue_unacked(client, LAYOUT, START, report=report, now=NOW, lost=lost)

    return asyncio.run(run())


def ids(server: RedisServer, name: str) -> list[str]:
    """Ids in the order in which workers fetch them."""
    return [json.loads(line)["headers"]["id"] for line in reversed(server.lines(name))]


def test_messages_are_back_before_the_others_and_in_their_old_order(server: RedisServer) -> None:
    server.client.lpush("app:q", json.dumps({"headers": {"id": "later"}}))
    for order, tag in enumerate(["first", "second", "third"]):
        hold(server, tag, order)
    assert returned(server) == Requeued(requeued=3)
    assert ids(server, "app:q") == ["first", "second", "third", "later"]
    assert server.client.exists("app:unacked", "app:unacked_index", HELD, "app:taskfleet:c:ns:reports") == 0


def test_each_goes_to_the_list_of_its_priority_whatever_its_exchange(server: RedisServer) -> None:
    hold(server, "urgent", 1)
    hold(server, "patient", 2, place="app:q\x06\x169")
    returned(server)
    assert (ids(server, "app:q"), ids(server, "app:q\x06\x169")) == (["urgent"], ["patient"])


def test_a_message_comes_back_as_it_was_but_for_its_count_and_the_mark(server: RedisServer) -> None:
    hold(server, "a", 1)
    returned(server)
    message = json.loads(server.lines("app:q")[0])
    assert message == {
        LOSSES: 1,
        "body": "W10=",
        "headers": {"id": "a", "stamps": {}, "stamped_headers": []},
        "properties": {"delivery_info": {"redelivered": True}},
    }


def test_after_five_redeliveries_a_message_is_set_aside(server: RedisServer) -> None:
    hold(server, "fifth", 1, losses=4)
    hold(server, "sixth", 2, losses=5)
    assert returned(server) == Requeued(requeued=1, dead_lettered=1)
    assert (ids(server, "app:q"), ids(server, "app:q.dead")) == (["fifth"], ["sixth"])


@pytest.mark.parametrize(
    "item", ["", "nonsense", "[1]", '"x"', '{"a": ', "{}]", '[1, "", "x"], ""', '{"headers": 7}']
)
def test_what_is_no_message_becomes_a_dead_letter_as_it_came(server: RedisServer, item: str) -> None:
    hold(server, "good", 1)
    hold(server, "odd", 2)
    server.client.hset("app:unacked", "odd", f'[{item}, "", "q"]')
    assert returned(server) == Requeued(requeued=1, dead_lettered=1)
    assert ids(server, "app:q") == ["good"]
    assert server.lines("app:q.dead") == [item]
    assert server.client.exists("app:unacked", "app:unacked_index", HELD) == 0


@pytest.mark.parametrize("queue", ["caf\u00e9", 'a "b"', "a\\b", "\u4e2d", ""])
def test_a_queue_may_have_any_name(server: RedisServer, queue: str) -> None:
    hold(server, "a", 1, place=f"app:{queue}")
    (message, *_) = json.loads(str(server.client.hget("app:unacked", "a")))
    server.client.hset("app:unacked", "a", json.dumps([message, "", queue]))
    assert returned(server) == Requeued(requeued=1)
    assert ids(server, f"app:{queue}") == ["a"]
    assert server.client.hlen("app:unacked") == 0


def test_a_message_that_was_acknowledged_meanwhile_stays_gone(server: RedisServer) -> None:
    hold(server, "done", 1)
    server.client.hdel("app:unacked", "done")
    assert returned(server) == Requeued()
    assert server.client.exists("app:q", HELD) == 0


def test_running_it_again_doubles_nothing(server: RedisServer) -> None:
    hold(server, "a", 1)
    returned(server)
    assert returned(server) == Requeued()
    assert ids(server, "app:q") == ["a"]


def test_a_task_whose_time_has_not_come_took_nothing_with_it(server: RedisServer) -> None:
    hold(server, "later", 1, eta="2026-01-01T12:00:01+00:00", losses=5)
    hold(server, "due", 2, eta="2026-01-01T11:59:59", losses=5)
    assert returned(server) == Requeued(requeued=1, dead_lettered=1)
    assert (ids(server, "app:q"), ids(server, "app:q.dead")) == (["later"], ["due"])


@pytest.mark.parametrize(
    "record",
    [
        '[Infinity, "app:q", "app:q.dead"]',
        '[NaN, "app:q", "app:q.dead"]',
        '[1e999, "app:q", "app:q.dead"]',
        f'[{"9" * 400}, "app:q", "app:q.dead"]',
        f'[{"9" * 5000}, "app:q", "app:q.dead"]',
        "[1, [], {}]",
        "[" * 50_000,
        f'[1, "{"q" * 100_000}", "d"]',
        "null",
        "\udcff",
    ],
    ids=["infinity", "nan", "overflow", "digits", "many-digits", "types", "deep", "long", "null", "bytes"],
)
def test_an_odd_record_keeps_no_other_from_going_back(server: RedisServer, record: str) -> None:
    hold(server, "good", 1)
    server.client.hset(HELD, b"\xff\xfe", record.encode(errors="surrogateescape"))
    assert returned(server) == Requeued(requeued=1)
    assert ids(server, "app:q") == ["good"]


def test_a_tag_that_is_no_text_goes_back_like_any_other(server: RedisServer) -> None:
    hold(server, "odd", 1)
    value = server.client.hget("app:unacked", "odd")
    server.client.hdel("app:unacked", "odd")
    server.client.hset("app:unacked", b"\xff", value)
    server.client.hset(HELD, b"\xff", json.dumps([1, "app:q", "app:q.dead"]))
    assert returned(server) == Requeued(requeued=1)
    assert ids(server, "app:q") == ["odd"]


@pytest.mark.parametrize(
    "stored", ["no JSON", "[1, 2]", "[" * 50_000 + '"", ""]'], ids=["text", "short", "deep"]
)
def test_what_is_no_record_of_a_message_becomes_a_dead_letter_whole(server: RedisServer, stored: str) -> None:
    hold(server, "odd", 1)
    server.client.hset("app:unacked", "odd", stored)
    assert returned(server) == Requeued(dead_lettered=1)
    assert server.lines("app:q.dead") == [stored]


def test_a_message_with_an_odd_count_stays_and_keeps_no_other_from_going_back(server: RedisServer) -> None:
    stored = f'[{{"{LOSSES}": {"9" * 5000}, "headers": {{}}}}, "", "q"]'
    hold(server, "good", 1)
    hold(server, "odd", 2)
    server.client.hset("app:unacked", "odd", stored)
    assert returned(server) == Requeued(requeued=1)
    assert ids(server, "app:q") == ["good"]
    assert server.client.hget("app:unacked", "odd") == stored


def test_messages_of_any_size_go_back_and_none_leaves_redis(server: RedisServer) -> None:
    """A hundred of 3 MiB would be more than the operator may have."""
    for order in range(20):
        hold(server, f"m{order:02}", order, argsrepr="x" * 3 * 1024 * 1024)
    sent = server.client.info("stats")["total_net_output_bytes"]
    assert returned(server) == Requeued(requeued=20)
    assert server.client.info("stats")["total_net_output_bytes"] - sent < 1024 * 1024
    assert server.client.llen("app:q") == 20
    first = json.loads(server.client.lindex("app:q", -1) or "")
    assert (first["headers"]["id"], first[LOSSES]) == ("m00", 1)


def test_nothing_is_taken_from_a_start_that_has_spoken_again(server: RedisServer) -> None:
    hold(server, "a", 1)
    assert returned(server, report=b'{"seq":1}') == Requeued()
    assert (ids(server, "app:q"), server.client.hlen(HELD)) == ([], 1)
    assert server.client.hlen("app:taskfleet:c:ns:reports") == 1
    assert returned(server) == Requeued(requeued=1)


def test_each_message_of_a_lost_start_is_marked_for_it(server: RedisServer) -> None:
    hold(server, "a", 1)
    assert returned(server, lost=True) == Requeued(requeued=1)
    (mark,) = server.client.keys("app:taskfleet:*")
    assert mark == "app:taskfleet:c:ns:taken:a"
    assert 86_000 < server.client.ttl(mark) <= 86_400
