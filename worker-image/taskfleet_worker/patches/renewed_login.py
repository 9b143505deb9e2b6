"""User name and password of a broker by parts, read again for each new connection: they may be renewed at any time, as
the tokens of a cloud are. A connection that stands is left alone; the server decides when it ends.

For connections with the URL that was made at the start, and no others: another app of the process may have its own.
"""

from __future__ import annotations

from typing import Any, Callable
from urllib.parse import unquote, urlsplit

from taskfleet_worker.broker_parts import Parts

# py-amqp's transport changes the name.
_LOCAL = {"localhost": "127.0.0.1"}


def install(parts: Parts, url: str) -> None:
    """Change kombu's transports and Celery's result backends, before the first connection. `url` is the one of the start."""
    start = urlsplit(url)
    if parts.folder is None or not start.password:
        return
    if start.scheme.startswith("amqp"):
        _install_on_amqp(parts, start)
    else:
        _install_on_redis(parts, start)


def _install_on_redis(parts: Parts, start: Any) -> None:
    from celery.backends.redis import RedisBackend, SentinelBackend
    from kombu.transport import redis

    provider = _provider(parts)
    connparams = redis.Channel._connparams

    def renewed(channel: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return _renewed(connparams(channel, *args, **kwargs), start, provider)

    redis.Channel._connparams = renewed
    for backend in (RedisBackend, SentinelBackend):
        backend._get_pool = _renewed_pool(backend._get_pool, start, provider)


def _renewed_pool(get_pool: Callable[..., Any], start: Any, provider: Any) -> Callable[..., Any]:
    def pool(backend: Any, **params: Any) -> Any:
        return get_pool(backend, **_renewed(params, start, provider))

    return pool


def _renewed(params: dict[str, Any], start: Any, provider: Any) -> dict[str, Any]:
    """Parameters of redis-py with a provider in place of the login that they start with."""
    username = params.get("username")
    if "hosts" in params and username is None:  # Celery 5.3 keeps the user with each Sentinel
        username = params["hosts"][0].get("username")
    if not _is_brokers(params.get("host"), username, params.get("password"), start):
        return params
    rest = {name: value for name, value in params.items() if name not in ("username", "password")}
    return {**rest, "credential_provider": provider}


def _provider(parts: Parts) -> Any:
    from redis.credentials import CredentialProvider

    class Renewed(CredentialProvider):  # type: ignore[misc, unused-ignore] # redis-py has no types in some versions
        def get_credentials(self) -> tuple[str] | tuple[str, str]:
            username, password = parts.login()
            return (username, password) if username else (password,)

    return Renewed()


def _install_on_amqp(parts: Parts, start: Any) -> None:
    from kombu.transport import pyamqp

    establish: Callable[[Any], Any] = pyamqp.Transport.establish_connection

    def renewed(transport: Any) -> Any:
        client = transport.client
        before = client.userid, client.password
        if not _is_brokers(client.hostname, *before, start):
            return establish(transport)
        client.userid, client.password = parts.login()
        try:
            return establish(transport)
        finally:
            client.userid, client.password = before

    pyamqp.Transport.establish_connection = renewed


def _is_brokers(host: str | None, username: str | None, password: str | None, start: Any) -> bool:
    """Whether a connection is the broker's. Of Sentinels a result backend has no single host: None."""
    login = (unquote(start.username or ""), unquote(start.password or ""))
    same_host = host is None or _LOCAL.get(host, host) == _LOCAL.get(start.hostname, start.hostname)
    return same_host and (username or "", password or "") == login
