"""What a second connection tells of keys that have changed."""

import asyncio
import time
from contextlib import aclosing
from typing import cast

import pytest
import redis as redis_py

from taskfleet.brokers.connection.invalidations import Announcements, Invalidations, NoTrackingError
from taskfleet.brokers.connection.raw_connection import (
    CommandBatch,
    Endpoint,
    RawConnection,
    RawConnectionError,
)
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import until

IGNORED, PROOF = "app:reports", "app:wake-up:1"
BY_KEY = {
    key: b">2\r\n$10\r\ninvalidate\r\n*1\r\n$%d\r\n%s\r\n" % (len(key), key.encode())
    for key in (IGNORED, PROOF, "app:q")
}
FLUSHED = b">2\r\n$10\r\ninvalidate\r\n_\r\n"


@pytest.mark.parametrize(
    ("data", "news"),
    [
        pytest.param(BY_KEY["app:q"], True, id="a-queue"),
        pytest.param(FLUSHED, True, id="everything"),
        pytest.param(BY_KEY[IGNORED] * 3, False, id="reports"),
        pytest.param(BY_KEY[PROOF], False, id="the-test-key"),
        pytest.param(b"+PONG\r\n", False, id="an-answer"),
        pytest.param(BY_KEY[IGNORED] + BY_KEY["app:q"] + b"+PONG\r\n", True, id="a-queue-among-others"),
        pytest.param(b"\x00" * 1000, True, id="nonsense"),
    ],
)
def test_only_what_is_known_to_be_none_is_no_news(data: bytes, *, news: bool) -> None:
    assert Announcements(IGNORED, PROOF).take(data) is news


@pytest.mark.parametrize("key", [IGNORED, PROOF])
@pytest.mark.parametrize("size", [1, 7, 30])
def test_what_arrives_in_pieces_is_told_apart_too(key: str, size: int) -> None:
    found = Announcements(IGNORED, PROOF)
    data = BY_KEY[key] + b"+PONG\r\n"
    news = [found.take(data[at : at + size]) for at in range(0, len(data), size)]
    assert not any(news)
    assert (found.proved, found.pongs) == (key == PROOF, 1)


def test_nothing_is_kept_of_a_message_without_end() -> None:
    found = Announcements(IGNORED, PROOF)
    for _ in range(100):
        found.take(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1000000000\r\n" + b"x" * 10_000)
    assert len(found._rest) < 100


async def opened(endpoint: Endpoint) -> Invalidations:
    return await Invalidations.open(endpoint, patience=5, ignored=IGNORED, proof=PROOF)


class Followed:
    """A connection that reads, and one that hears of changes."""

    def __init__(self, port: int) -> None:
        self.endpoint = Endpoint("127.0.0.1", port)

    async def __aenter__(self) -> "Followed":
        self.tracked = await RawConnection.connect(self.endpoint, patience=5)
        self.link = await opened(self.endpoint)
        await self.link.follow(self.tracked)
        self.listener = asyncio.create_task(self.link.listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.listener.cancel()
        await asyncio.wait({self.listener})
        await self.link.aclose()
        await self.tracked.aclose()

    async def read(self, *commands: tuple[str, ...]) -> None:
        await self.tracked.ask_uncompared(CommandBatch.of(commands))

    async def heard(self) -> bool:
        """Whether there was news since the last call, once everything has arrived."""
        assert await self.link.catch_up(5)
        news = self.link.changed
        self.link.changed = False
        return news


async def test_a_message_in_an_empty_queue_is_news_and_a_report_is_none(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with Followed(server.port) as both:
        assert not await both.heard()
        assert both.link.proved
        await both.read(("LLEN", "app:q"), ("HGETALL", IGNORED))
        client.hset(IGNORED, "a", "b")
        assert not await both.heard()
        client.lpush("app:q", "x")
        assert await both.heard()


async def test_a_change_after_another_is_announced_once_the_queue_was_read_again(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with Followed(server.port) as both:
        for change in (lambda: client.lpush("app:q", "x"), lambda: client.rpop("app:q"), client.flushall):
            await both.read(("LLEN", "app:q"))
            change()
            assert await both.heard()
            client.lpush("app:q", "x")
            assert not await both.heard()


async def test_a_lost_connection_ends_the_listening(server: RedisServer, client: redis_py.Redis) -> None:
    async with Followed(server.port) as both:
        client.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(RawConnectionError):
            await both.listener


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ("-client|id", r"its user is not allowed to run CLIENT ID \(\+client\|id\)"),
        ("-client|tracking", r"its user is not allowed to run CLIENT TRACKING \(\+client\|tracking\)"),
        ("-get", r"its user is not allowed to run GET \(\+get\)"),
        ("-set", "it does not accept a test key"),
    ],
)
async def test_a_right_that_is_missing_is_named(
    server: RedisServer, client: redis_py.Redis, missing: str, why: str
) -> None:
    client.acl_setuser(
        "some",
        reset=True,
        enabled=True,
        passwords=["+pw"],
        keys=["*"],
        categories=["+@all"],
        commands=[missing],
    )
    endpoint = Endpoint("127.0.0.1", server.port, username="some", password="pw")
    async with aclosing(await RawConnection.connect(endpoint, patience=5)) as tracked:
        with pytest.raises(NoTrackingError, match=why):
            async with aclosing(await opened(endpoint)) as link:
                await link.follow(tracked)


async def test_a_flood_of_announcements_takes_little_of_the_loop() -> None:
    """16 KiB ten times in a tenth of a second, although there is more."""
    taken: list[int] = []
    reader = asyncio.StreamReader()
    reader.feed_data(BY_KEY["app:q"] * 200_000)
    connection = RawConnection(reader, cast(asyncio.StreamWriter, None), patience=5, received=taken.append)
    link = Invalidations(connection, 7, ignored=IGNORED, proof=PROOF)
    listener, began = asyncio.create_task(link.listen()), time.monotonic()
    await until(lambda: len(taken) >= 50, 30)
    assert time.monotonic() - began > 0.35
    assert max(taken) <= 16 * 1024
    assert link.changed
    listener.cancel()
    await asyncio.wait({listener})
