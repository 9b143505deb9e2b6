"""Removing what waits, on a real Redis."""

import asyncio

import pytest
from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery.purge import purge
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")


@pytest.fixture(autouse=True)
def _full(server: RedisServer) -> None:
    server.client.flushall()
    server.client.rpush("app:mails", "a", "b")
    server.client.rpush("app:mails\x06\x169", "c")
    server.client.rpush("app:mails.dead", "d")
    server.client.hset("app:unacked", "tag", "e")


def purged(server: RedisServer, token: str) -> int:
    async def run() -> int:
        async with Redis.from_url(server.url) as client:
            return await purge(client, LAYOUT, "mails", token=token, owner_uid="uid")

    return asyncio.run(run())


def test_everything_that_waits_goes_and_nothing_else(server: RedisServer) -> None:
    assert purged(server, "one") == 3
    assert server.client.exists("app:mails", "app:mails\x06\x169") == 0
    assert server.client.exists("app:mails.dead", "app:unacked") == 2


def test_a_token_removes_once(server: RedisServer) -> None:
    purged(server, "one")
    server.client.rpush("app:mails", "later")
    assert purged(server, "one") == 3, "what it has removed, not what is there"
    assert server.lines("app:mails") == ["later"]
    assert purged(server, "two") == 1
