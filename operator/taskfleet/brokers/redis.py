"""Reading a Redis: an authenticated PING and INFO."""

import re
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError

from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.wire import Endpoint

TIMEOUT_SECONDS = 5.0


def connect(url: str) -> Redis:
    """A client that gives up after five seconds. Raises ValueError for what is no Redis URL."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        max_connections=4,
        client_name="taskfleet-operator",
    )
    return client


def endpoint(url: str) -> Endpoint:
    """The same place for a wire. Raises ValueError for what is no Redis URL."""
    parts = parse_url(url)
    return Endpoint(
        host=parts.get("host", "localhost"),
        port=parts.get("port", 6379),
        database=parts.get("db", 0),
        username=parts.get("username"),
        password=parts.get("password"),
    )


async def probe(client: Redis) -> Probe:
    """PING and INFO in one round trip."""
    try:
        async with client.pipeline(transaction=False) as pipe:
            pipe.ping()
            pipe.info()
            pong, info = await pipe.execute(raise_on_error=False)
    except (RedisError, OSError) as error:
        return _failed(client, error)
    except Exception as error:  # redis-py trips in many ways over what is no Redis, and keeps the connection
        await client.connection_pool.disconnect()
        return _failed(client, error)
    if isinstance(pong, Exception):
        return _failed(client, pong, what="PING failed")
    return _answer(info if isinstance(info, Mapping) else {})  # an ACL may forbid INFO


_NO_ANSWER = f"No connection, or no answer within {TIMEOUT_SECONDS:g} s"


def _failed(client: Redis, error: Exception, *, what: str = _NO_ANSWER) -> Probe:
    if isinstance(error, NoPermissionError):
        return Probe(Verdict.AUTHENTICATION_FAILED, "The server allows this user no PING.")
    if not isinstance(error, AuthenticationError | AuthorizationError):
        return Probe(Verdict.UNREACHABLE, f"{what} ({type(error).__name__}).")
    if client.connection_pool.connection_kwargs.get("password"):
        return Probe(
            Verdict.AUTHENTICATION_FAILED, "The server refuses the user name or password of the URL."
        )
    return Probe(Verdict.AUTHENTICATION_FAILED, "The server asks for a password, and the URL has none.")


def _answer(info: Mapping[str, Any]) -> Probe:
    return Probe(
        Verdict.ANSWERS,
        version=_version(info.get("redis_version")),
        used_memory=_number(info.get("used_memory")),
        max_memory=_number(info.get("maxmemory")) or None,
        clients=_number(info.get("connected_clients")),
    )


def _version(told: Any) -> str | None:
    """Figures and dots only, because what a server tells is shown in a status."""
    return str(told) if re.fullmatch(r"\d{1,4}(\.\d{1,4}){0,3}", str(told)) else None


def _number(told: Any) -> int | None:
    return told if isinstance(told, int) and told >= 0 else None
