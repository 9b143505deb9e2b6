"""The connection to Redis: what it asks, and when it spares itself the parsing."""

import asyncio
from contextlib import aclosing

import pytest
import redis as redis_py

from taskfleet.brokers.connection.raw_connection import (
    CommandBatch,
    Endpoint,
    RawConnection,
    RawConnectionError,
)
from tests.runtime.redis_server import RedisServer


def endpoint(server: RedisServer) -> Endpoint:
    return Endpoint("127.0.0.1", server.port)


def test_replies_come_in_the_order_of_the_commands(server: RedisServer, client: redis_py.Redis) -> None:
    client.lpush("q", "a", "b")
    client.hset("h", mapping={"f": "v"})

    async def ask() -> object:
        async with aclosing(await RawConnection.connect(endpoint(server), patience=5)) as connection:
            return await connection.ask(CommandBatch.of([("LLEN", "q"), ("LLEN", "none"), ("HGETALL", "h")]))

    assert asyncio.run(ask()) == [2, 0, [b"f", b"v"]]


def test_the_same_replies_are_not_parsed_again(server: RedisServer, client: redis_py.Redis) -> None:
    question = CommandBatch.of([("LLEN", "q")])

    async def ask() -> list[object]:
        async with aclosing(await RawConnection.connect(endpoint(server), patience=5)) as connection:
            answers: list[object] = [await connection.ask(question), await connection.ask(question)]
            client.lpush("q", "a")
            return [*answers, await connection.ask(question)]

    assert asyncio.run(ask()) == [[0], None, [1]]


def test_a_reply_that_ends_like_the_marker_does_not_end_the_exchange(
    server: RedisServer, client: redis_py.Redis
) -> None:
    marker = b"taskfleet:end-of-replies"
    client.set("bad", b"x" * 300_000 + b"$%d\r\n%s\r\n" % (len(marker), marker))
    client.lpush("q", "a")

    async def ask() -> list[object] | None:
        async with aclosing(await RawConnection.connect(endpoint(server), patience=5)) as connection:
            return await connection.ask(CommandBatch.of([("GET", "bad"), ("LLEN", "q")]))

    replies = asyncio.run(ask())
    assert replies is not None
    assert replies[1] == 1


def test_a_server_that_does_not_answer_costs_the_patience_and_no_more() -> None:
    async def ask() -> float:
        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(100):
                pass
            writer.close()

        silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(RawConnectionError, match=r"no answer within 0\.2 s"):
            await RawConnection.connect(Endpoint("127.0.0.1", port), patience=0.2)
        silent.close()
        await silent.wait_closed()
        return loop.time() - began

    assert asyncio.run(ask()) < 2


def test_a_wrong_password_is_refused_without_the_servers_words(server: RedisServer) -> None:
    async def connect() -> None:
        await RawConnection.connect(Endpoint("127.0.0.1", server.port, password="wrong"), patience=5)

    with pytest.raises(RawConnectionError, match="rejects the credentials"):
        asyncio.run(connect())
