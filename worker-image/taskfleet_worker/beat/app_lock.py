"""A lock in Redis that its holder renews: who has it runs the app's beat, the others wait."""

from __future__ import annotations

from typing import Any

EXPIRES = 15.0  # seconds without renewal
_TIMEOUT = 2.0  # of one call

_RENEW = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class AppLock:
    """`token` tells this process from every other. Calls raise redis.RedisError."""

    def __init__(self, client: Any, key: str, token: str) -> None:
        self._client = client
        self._key = key
        self._token = token

    @classmethod
    def on(cls, pool: Any, key: str, token: str) -> AppLock:
        """On the server that kombu's pool of connections leads to, Sentinels and TLS included."""
        import redis

        options = pool.connection_kwargs
        options.update(socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        return cls(redis.Redis(connection_pool=pool), key, token)

    def take(self) -> str | None:
        """Take it; the token of its holder where that is another."""
        if self._client.set(self._key, self._token, nx=True, px=int(EXPIRES * 1000)):
            return None
        holder = self._client.get(self._key)
        if holder is None:  # it has just expired
            return "nobody"
        holder = holder.decode(errors="replace") if isinstance(holder, bytes) else str(holder)
        return None if holder == self._token else holder

    def renew(self) -> bool:
        """Keep it for another time; False where it is another's, or nobody's."""
        return bool(self._client.eval(_RENEW, 1, self._key, self._token, int(EXPIRES * 1000)))

    def release(self) -> None:
        """Let the next one go on at once; one that cannot be told waits until the lock expires."""
        import contextlib

        import redis

        with contextlib.suppress(redis.RedisError):
            self._client.eval(_RELEASE, 1, self._key, self._token)
