"""Giving back messages that nobody renews, on a real Redis."""

import asyncio
import json
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery import requeue_expired as module
from taskfleet.brokers.recovery.requeue_expired import ExpiredRequeuer, Swept
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports", visibility_timeout=60.0)
INDEX = "app:unacked_index"


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def fetched(
    server: RedisServer,
    tag: str,
    ago: float,
    *,
    exchange: str = "",
    key: str = "mails",
    priority: Any = 0,
    **headers: Any,
) -> None:
    """As kombu records a message that a worker of anybody's has fetched."""
    message = {
        "body": "W10=",
        "headers": {"id": tag, "stamps": {}, "empty": [], **headers},
        "properties": {"delivery_info": {"exchange": exchange, "routing_key": key}, "priority": priority},
    }
    server.client.hset("app:unacked", tag, json.dumps([message, exchange, key]))
    server.client.zadd(INDEX, {tag: time.time() - ago})


def bind(server: RedisServer, exchange: str, *bindings: tuple[str, str, str]) -> None:
    for binding in bindings:
        server.client.sadd(f"app:_kombu.binding.{exchange}", "\x06\x16".join(binding))


def swept(server: RedisServer, name: str = "one", *, records: tuple[str, ...] = ()) -> Swept:
    async def run() -> Swept:
        async with Redis.from_url(server.url) as client:
            return await ExpiredRequeuer(LAYOUT, name).sweep(client, records)

    return asyncio.run(run())


def counts(found: Swept) -> tuple[int, int]:
    return found.requeued, found.kept


def test_what_has_expired_is_back_before_the_others_and_in_the_order_of_fetching(server: RedisServer) -> None:
    server.client.lpush("app:mails", json.dumps({"headers": {"id": "waits"}}))
    for tag, ago in {"second": 80, "first": 90, "third": 70}.items():
        fetched(server, tag, ago)
    found = swept(server)
    assert counts(found) == (3, 0)
    assert found.tags == {"first", "second", "third"}
    assert server.waiting("app:mails") == ["first", "second", "third", "waits"]
    assert server.client.exists("app:unacked", INDEX) == 0


def test_what_goes_back_is_marked_for_the_worker_that_may_come_back(server: RedisServer) -> None:
    fetched(server, "gone", 90)
    fetched(server, "held", 30)
    swept(server)
    assert server.client.keys("app:taskfleet:c:ns:taken:*") == ["app:taskfleet:c:ns:taken:gone"]


def test_what_was_renewed_stays(server: RedisServer) -> None:
    fetched(server, "renewed", 50)
    assert counts(swept(server)) == (0, 0)
    assert server.client.hlen("app:unacked") == 1


def test_what_a_live_pod_holds_stays_even_if_it_renews_by_a_longer_timeout(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the Broker's timeout was shortened, until the last pod that knows the old one has gone."""
    monkeypatch.setattr(module, "_BATCH", 2)
    for number in range(5):
        fetched(server, f"held-{number}", 99 - number)
        server.client.hset(f"record-{number % 2}", f"held-{number}", "x")
    fetched(server, "nobodys", 70)
    found = swept(server, records=("record-0", "record-1", "record-2"))
    assert counts(found) == (1, 0)
    assert server.waiting("app:mails") == ["nobodys"]
    assert server.client.hlen("app:unacked") == 5


def test_a_message_comes_back_as_it_was_but_for_the_mark(server: RedisServer) -> None:
    text = 'of a user\'s: "delivery_info": {'
    fetched(server, "a", 90, argsrepr=text)
    before = json.loads(server.client.hget("app:unacked", "a") or "")[0]
    swept(server)
    before["properties"]["delivery_info"]["redelivered"] = True
    assert json.loads(server.lines("app:mails")[0]) == before


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("order.paid", ["orders"], id="wildcard"),
        pytest.param("order.paid.late", ["late", "orders"], id="two-queues"),
        pytest.param("refund", [], id="no-queue"),
    ],
)
def test_a_topic_exchange_leads_to_the_queues_bound_to_it(
    server: RedisServer, key: str, expected: list[str]
) -> None:
    bind(server, "shop", ("order.#", "^order\\..*?$", "orders"), ("*.*.late", "^x$", "late"))
    fetched(server, "a", 90, exchange="shop", key=key)
    assert counts(swept(server)) == ((1, 0) if expected else (0, 1))
    assert [queue for queue in ("late", "orders") if server.waiting(f"app:{queue}")] == expected


def test_what_no_queue_is_known_for_is_kept_and_holds_up_nothing(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    bind(server, "direct", ("mail", "", "mails"))
    for number in range(3):
        fetched(server, f"lost-{number}", 99 - number, exchange="gone", key="x")
    server.client.hset("app:unacked", "odd", "no JSON")
    server.client.zadd(INDEX, {"odd": 1.0})
    fetched(server, "known", 70, exchange="direct", key="mail")
    assert counts(swept(server)) == (1, 4)
    assert server.waiting("app:mails") == ["known"]
    assert set(server.client.hkeys("app:unacked")) == {"lost-0", "lost-1", "lost-2", "odd"}


@pytest.mark.parametrize(
    ("priority", "line"),
    [
        pytest.param(0, "mails", id="most-urgent"),
        pytest.param(5, "mails\x06\x163", id="between-two-lists"),
        pytest.param(200, "mails\x06\x169", id="beyond"),
        pytest.param(None, "mails", id="none"),
    ],
)
def test_a_message_goes_to_the_list_of_its_priority(server: RedisServer, priority: Any, line: str) -> None:
    fetched(server, "a", 90, priority=priority, argsrepr='"priority": 9')
    swept(server)
    assert server.waiting(f"app:{line}") == ["a"]


def test_a_queue_may_have_any_name(server: RedisServer) -> None:
    """kombu writes what is not ASCII as numbers."""
    fetched(server, "a", 90, key="caf\u00e9 \\ \u4e2d")
    assert counts(swept(server)) == (1, 0)
    assert server.waiting("app:caf\u00e9 \\ \u4e2d") == ["a"]


def test_only_one_restorer_works_on_a_database(server: RedisServer) -> None:
    swept(server, "one")
    fetched(server, "a", 90)
    assert counts(swept(server, "two")) == (0, 0)
    assert counts(swept(server, "one")) == (1, 0)
    assert 0 < int(server.client.ttl("app:taskfleet:restorer")) <= 60


def test_a_tag_without_a_message_is_forgotten(server: RedisServer) -> None:
    server.client.zadd(INDEX, {"acknowledged": 1.0})
    assert counts(swept(server)) == (0, 0)
    assert server.client.exists(INDEX) == 0


def test_a_large_message_is_given_back_too(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_BYTES", 1000)
    fetched(server, "kept", 99, exchange="gone", argsrepr="x" * 300_000)
    for number in range(3):
        fetched(server, str(number), 90 - number, argsrepr="x" * 300_000)
    assert counts(swept(server)) == (3, 1)


def test_a_redis_that_is_full_loses_nothing(server: RedisServer) -> None:
    fetched(server, "a", 90)
    server.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            swept(server)
    finally:
        server.client.config_set("maxmemory", 0)
    assert counts(swept(server)) == (1, 0)
    assert server.waiting("app:mails") == ["a"]
