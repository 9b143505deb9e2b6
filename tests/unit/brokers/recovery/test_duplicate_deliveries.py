"""Messages that are given to others while pods of ours work on them, on a real Redis."""

import asyncio

import pytest
from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.recovery.duplicate_deliveries import DuplicateDeliveries
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")
POD = Incarnation("uid", "pod-1", "s1")


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def hold(server: RedisServer, *tags: str, start: Incarnation = POD) -> None:
    for tag in tags:
        server.client.hset("app:unacked", tag, "message")
        server.client.hset(LAYOUT.key("held", "/".join(start)), tag, "record")


def look(
    server: RedisServer,
    taken: DuplicateDeliveries,
    *starts: Incarnation,
    now: float = 100.0,
    ours: frozenset[str] = frozenset(),
    silent: float = 0.0,
) -> int:
    report = Report("ready", queues={"mails": QueueWork(held=1)})
    reports = {start: LastReport(report, now - silent) for start in starts or (POD,)}

    async def run() -> None:
        async with Redis.from_url(server.url) as client:
            await taken.scan(client, BrokerSnapshot(now, {}, reports), ours)

    asyncio.run(run())
    return taken.lately(now)


def test_a_message_that_a_pod_still_works_on_and_others_have_is_counted_once(server: RedisServer) -> None:
    taken = DuplicateDeliveries(LAYOUT)
    hold(server, "a", "b")
    assert look(server, taken) == 0
    server.client.hdel("app:unacked", "a")
    assert [look(server, taken) for _ in range(4)] == [0, 1, 1, 1]


def test_a_message_that_is_settled_by_the_second_look_was_not_taken(server: RedisServer) -> None:
    taken = DuplicateDeliveries(LAYOUT)
    hold(server, "a")
    server.client.hdel("app:unacked", "a")
    look(server, taken)
    server.client.hdel(LAYOUT.key("held", "/".join(POD)), "a")
    assert look(server, taken) == 0


def test_what_we_gave_back_ourselves_was_not_taken(server: RedisServer) -> None:
    taken = DuplicateDeliveries(LAYOUT)
    hold(server, "a")
    server.client.hdel("app:unacked", "a")
    assert [look(server, taken, ours=frozenset({"a"})) for _ in range(3)] == [0, 0, 0]


def test_a_silent_pod_is_not_asked_about(server: RedisServer) -> None:
    taken = DuplicateDeliveries(LAYOUT)
    hold(server, "a")
    server.client.hdel("app:unacked", "a")
    assert [look(server, taken, silent=30.0) for _ in range(3)] == [0, 0, 0]


def test_after_an_hour_it_is_forgotten(server: RedisServer) -> None:
    taken = DuplicateDeliveries(LAYOUT)
    hold(server, "a")
    server.client.hdel("app:unacked", "a")
    assert [look(server, taken) for _ in range(2)] == [0, 1]
    assert taken.lately(100.0 + 3601) == 0


def test_of_many_pods_some_are_looked_at_in_turn(server: RedisServer) -> None:
    taken = DuplicateDeliveries(LAYOUT)
    starts = [Incarnation("uid", f"pod-{number:03}", "s1") for number in range(120)]
    for number, start in enumerate(starts):
        hold(server, str(number), start=start)
    server.client.delete("app:unacked")
    seen = [look(server, taken, *starts) for _ in range(6)]
    assert seen[0] == 0
    assert max(seen) >= 100
