"""Reading a Redis: an authenticated PING and INFO."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError

from taskfleet.brokers.probe import Probe, Verdict

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


async def probe(client: Redis) -> Probe:
    """PING and INFO in one round trip."""
    try:
        async with client.pipeline(transaction=False) as pipe:
            pipe.ping()
            pipe.info()
            pong, info = await pipe.execute(raise_on_error=False)
    except (AuthenticationError, AuthorizationError):
        return Probe(
            Verdict.AUTHENTICATION_FAILED, "The server refuses the user name or password of the URL."
        )
    except (RedisError, OSError) as error:
        return Probe(Verdict.UNREACHABLE, f"No answer within {TIMEOUT_SECONDS:g} s ({type(error).__name__}).")
    if isinstance(pong, NoPermissionError | AuthenticationError):
        return Probe(Verdict.AUTHENTICATION_FAILED, "The server allows this user no PING.")
    if isinstance(pong, Exception):
        return Probe(Verdict.UNREACHABLE, f"PING failed ({type(pong).__name__}).")
    return _answer(info if isinstance(info, Mapping) else {})  # an ACL may forbid INFO


def _answer(info: Mapping[str, Any]) -> Probe:
    return Probe(
        Verdict.ANSWERS,
        version=info.get("redis_version"),
        used_memory=info.get("used_memory"),
        max_memory=info.get("maxmemory") or None,
        clients=info.get("connected_clients"),
    )
