"""Reading a Redis: an authenticated PING and INFO."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
)

from taskfleet.brokers.connection.addresses import ANYWHERE, AddressPolicy
from taskfleet.brokers.connection.raw_connection import AddressUnknownError, RawConnectionError
from taskfleet.brokers.connection.redis_address import Access
from taskfleet.brokers.connection.replies import UnsafeReplyError
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.connection.tls import chain, tls_failure
from taskfleet.brokers.probe import NO_BROKER, Probe, Verdict
from taskfleet.brokers.untrusted import count

TIMEOUT_SECONDS = 5.0
_SECONDS_TO_REFUSE = 1.0


def access(target: Target, policy: AddressPolicy = ANYWHERE) -> Access:
    """A connection to a Redis; each step ends within five seconds. Raises ssl.SSLError."""
    return Access(target, patience=TIMEOUT_SECONDS, policy=policy)


async def probe(client: Redis) -> Probe:
    """PING and INFO in one round trip. Raises UnsafeReplyError."""
    try:
        async with client.pipeline(transaction=False) as pipe:
            pipe.ping()
            pipe.info()
            pong, info = await pipe.execute(raise_on_error=False)
    except UnsafeReplyError:
        raise
    except (RedisError, OSError) as error:
        return _failed(client, await _refusal(client) or error)
    except Exception as error:  # redis-py fails in many ways on other servers, and keeps the connection
        await client.connection_pool.disconnect()
        return _failed(client, error)
    if isinstance(pong, Exception):
        return _failed(client, pong)
    if isinstance(info, Mapping) and info.get("role") == "slave":
        return Probe(Verdict.READ_ONLY, "The server is a read-only replica.")
    return _answer(info if isinstance(info, Mapping) else {})  # an ACL may forbid INFO


async def _refusal(client: Redis) -> Exception | None:
    """What a server says that shakes hands and hangs up then, as TLS 1.3 does over a client's certificate.

    Our own words would meet a closed door, and the reset of the connection may come before the reason.
    """
    options = client.connection_pool.connection_kwargs
    if options["tls"] is None:
        return None
    try:
        async with asyncio.timeout(_SECONDS_TO_REFUSE):
            endpoint = await options["locate"]()
            reader, writer = await asyncio.open_connection(
                endpoint.address, endpoint.port, ssl=endpoint.tls, server_hostname=endpoint.host
            )
            try:
                await reader.read(1)
            finally:
                writer.close()
    except (OSError, RawConnectionError) as error:
        return error if tls_failure(error) is not None else None
    return None


def _failed(client: Redis, error: Exception) -> Probe:
    if isinstance(error, NoPermissionError):
        return Probe(Verdict.AUTHENTICATION_FAILED, "The server does not allow this user to run PING.")
    if (refused := tls_failure(error)) is not None:
        return Probe(Verdict.TLS_FAILED, refused)
    if isinstance(error, BusyLoadingError):
        return Probe(Verdict.UNREACHABLE, "The server is loading its data and does not run commands yet.")
    if not isinstance(error, AuthenticationError | AuthorizationError):
        return Probe(Verdict.UNREACHABLE, _unreachable(error))
    if client.connection_pool.connection_kwargs.get("password"):
        return Probe(
            Verdict.AUTHENTICATION_FAILED, "The server rejects the user name or password of the URL."
        )
    return Probe(Verdict.AUTHENTICATION_FAILED, "The server requires a password, but the URL has none.")


def _unreachable(error: Exception) -> str:
    """What is known without a broker: the address is refused by us, or Sentinels have said something."""
    causes = list(chain(error))
    said = next(
        (
            each
            for each in causes
            if isinstance(each, RawConnectionError) and not isinstance(each, AddressUnknownError)
        ),
        None,
    )
    return f"{str(said)[0].upper()}{str(said)[1:]}." if said is not None else NO_BROKER


def _answer(info: Mapping[str, Any]) -> Probe:
    return Probe(
        Verdict.REACHABLE,
        version=_version(info.get("redis_version")),
        used_memory=_number(info.get("used_memory")),
        max_memory=_number(info.get("maxmemory")) or None,
        evicts=info.get("maxmemory_policy", "noeviction") != "noeviction",
        clients=_number(info.get("connected_clients")),
    )


def _version(told: Any) -> str | None:
    """Digits and dots only, because a status shows it."""
    return str(told) if re.fullmatch(r"\d{1,4}(\.\d{1,4}){0,3}", str(told)) else None


def _number(told: Any) -> int | None:
    try:
        return count(told)
    except ValueError:
        return None
