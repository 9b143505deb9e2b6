"""The look at the heads of queues, on a real Redis: what it costs, and what it leaves alone."""

import asyncio

import pytest

from taskfleet.brokers.connection.raw_connection import CommandBatch, Endpoint, RawConnection
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling import queue_heads as heads
from taskfleet.brokers.polling.broker_snapshot import Query
from taskfleet.brokers.polling.queue_heads import Line
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def look(server: RedisServer, waiting: list[Line]) -> dict[str, bytes]:
    async def asked() -> dict[str, bytes]:
        connection = await RawConnection.connect(Endpoint("127.0.0.1", server.port), patience=5.0)
        try:
            return heads.digests(
                waiting, await connection.ask_uncompared(CommandBatch.of(heads.commands(waiting)))
            )
        finally:
            await connection.aclose()

    return asyncio.run(asked())


def line(name: str) -> Line:
    return Line("q", f"app:{name}", 1)


def test_a_head_is_told_by_its_digest_and_stays_the_same_while_others_come(server: RedisServer) -> None:
    server.client.lpush("app:q", "first")
    (before,) = look(server, [line("q")]).values()
    server.client.lpush("app:q", "second")
    assert look(server, [line("q")]) == {"app:q": before}
    server.client.rpop("app:q")
    assert look(server, [line("q")])["app:q"] != before
    assert len(before) == 40


def test_a_list_that_has_become_empty_has_no_head(server: RedisServer) -> None:
    assert look(server, [line("gone")]) == {}


def test_thousands_of_lists_are_asked_for_in_portions(server: RedisServer) -> None:
    names = [f"q{at}" for at in range(1201)]
    for name in names:
        server.client.lpush(f"app:{name}", name)
    assert len(look(server, [line(name) for name in names])) == 1201


def test_a_list_of_another_type_leaves_only_its_portion_unknown(server: RedisServer) -> None:
    server.client.set("app:odd", "no list")
    assert look(server, [line("odd")]) == {}


def test_no_payload_is_moved_and_a_head_of_a_megabyte_costs_milliseconds(server: RedisServer) -> None:
    server.client.lpush("app:q", "x" * 1_000_000)
    server.client.config_resetstat()
    look(server, [line("q")])
    stats = server.client.info("commandstats")
    assert server.client.info("stats")["total_net_output_bytes"] < 100_000
    assert stats["cmdstat_eval"]["usec"] < 200_000


def test_nothing_that_is_asked_walks_the_unacknowledged_messages(server: RedisServer) -> None:
    fill = "for at = 1, 100000 do redis.call('HSET', KEYS[1], at, string.rep('x', 200)) end"
    server.client.eval(fill, 1, "app:unacked")
    server.client.lpush("app:q", "message")
    server.client.hset("app:taskfleet:c:ns:reports", "uid/pod/start", "{}")
    server.client.config_resetstat()
    asked = 20

    async def ask() -> None:
        connection = await RawConnection.connect(Endpoint("127.0.0.1", server.port), patience=5.0)
        try:
            for _ in range(asked):
                await connection.ask(CommandBatch.of(Query(LAYOUT, ("q",)).commands()))
                await connection.ask_uncompared(CommandBatch.of(heads.commands([line("q")])))
        finally:
            await connection.aclose()

    asyncio.run(ask())
    spent = {
        name: told["usec"]
        for name, told in server.client.info("commandstats").items()
        if told["calls"] >= asked
    }
    assert set(spent) == {"cmdstat_llen", "cmdstat_hgetall", "cmdstat_eval", "cmdstat_lindex", "cmdstat_echo"}
    server.client.hgetall("app:unacked")
    one_walk = server.client.info("commandstats")["cmdstat_hgetall"]["usec"] - spent["cmdstat_hgetall"]
    print(f"20 readings take Redis {sum(spent.values())} us, one walk over unacked {one_walk} us")
    assert sum(spent.values()) < one_walk
