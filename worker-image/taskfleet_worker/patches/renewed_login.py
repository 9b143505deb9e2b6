"""User name and password of a broker or result backend by parts, read again for each new connection: they may be renewed at
any time, as the tokens of a cloud are. A connection that stands is left alone; the server decides when it ends.

For connections with the URL that was made at the start, and no others: another app of the process may have its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import unquote, urlsplit

from taskfleet_worker.address_parts import REDIS, Parts

# py-amqp's transport changes the name.
_LOCAL = {"localhost": "127.0.0.1"}


@dataclass(frozen=True)
class Start:
    """Hosts and login of the URL that was made at the start."""

    hosts: frozenset[str]
    username: str
    password: str

    @classmethod
    def of(cls, url: str) -> Start:
        parts = [urlsplit(part) for part in url.split(";")]
        hosts = frozenset(_plain(part.hostname or "") for part in parts)
        return cls(hosts, unquote(parts[0].username or ""), unquote(parts[0].password or ""))

    def leads(self, host: str | None, username: str | None, password: str | None) -> bool:
        """Whether a connection is one of this URL. Of Sentinels a result backend has no single host: None."""
        same_host = host is None or _plain(host) in self.hosts
        return same_host and (username or "", password or "") == (self.username, self.password)


def _plain(host: str) -> str:
    return _LOCAL.get(host, host)


def install(parts: Parts, url: str) -> None:
    """Change kombu's transports and Celery's result backends, before the first connection. `url` is the one of the start."""
    start = Start.of(url)
    if parts.folder is None or not start.password:
        return
    if parts.scheme.startswith("amqp"):
        _install_on_amqp(parts, start)
    else:
        _install_on_transport(parts, start)
        _install_on_results(parts, start)


def install_on_results(parts: Parts, url: str) -> None:
    """Change Celery's result backends only. Those that are no Redis keep what they start with."""
    start = Start.of(url)
    if parts.folder is not None and start.password and parts.scheme in REDIS:
        _install_on_results(parts, start)


def _install_on_transport(parts: Parts, start: Start) -> None:
    from kombu.transport import redis

    provider = _provider(parts)
    connparams = redis.Channel._connparams

    def renewed(channel: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return _renewed(connparams(channel, *args, **kwargs), start, provider)

    redis.Channel._connparams = renewed


def _install_on_results(parts: Parts, start: Start) -> None:
    from celery.backends.redis import RedisBackend, SentinelBackend

    provider = _provider(parts)
    for backend in (RedisBackend, SentinelBackend):
        backend._get_pool = _renewed_pool(backend._get_pool, start, provider)


def _renewed_pool(get_pool: Callable[..., Any], start: Start, provider: Any) -> Callable[..., Any]:
    def pool(backend: Any, **params: Any) -> Any:
        return get_pool(backend, **_renewed(params, start, provider))

    return pool


def _renewed(params: dict[str, Any], start: Start, provider: Any) -> dict[str, Any]:
    """Parameters of redis-py with a provider in place of the login that they start with."""
    username = params.get("username")
    if "hosts" in params and username is None:  # Celery 5.3 keeps the user with each Sentinel
        username = params["hosts"][0].get("username")
    if not start.leads(params.get("host"), username, params.get("password")):
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


def _install_on_amqp(parts: Parts, start: Start) -> None:
    from kombu.transport import pyamqp

    establish: Callable[[Any], Any] = pyamqp.Transport.establish_connection

    def renewed(transport: Any) -> Any:
        client = transport.client
        before = client.userid, client.password
        if not start.leads(client.hostname, *before):
            return establish(transport)
        client.userid, client.password = parts.login()
        try:
            return establish(transport)
        finally:
            client.userid, client.password = before

    pyamqp.Transport.establish_connection = renewed
