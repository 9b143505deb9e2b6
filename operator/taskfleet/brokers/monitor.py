"""Looks at every broker now and then, so that controllers can read the last answer from memory."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from taskfleet.api import Key
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.redis import connect, probe

_EVERY_SECONDS = 10.0
_EVERY_SECONDS_WHILE_DOWN = 1.0


@dataclass
class _Watched:
    url: str
    task: asyncio.Task[None]
    last: Probe | None = field(default=None)


class BrokerMonitor:
    """One task a broker: a slow or dead one delays no other. `on_change` gets the key when the answer changed."""

    def __init__(self, on_change: Callable[[Key], None]) -> None:
        self._on_change = on_change
        self._watched: dict[Key, _Watched] = {}

    def look(self, key: Key, url: str) -> Probe | None:
        """The last answer at `url`; None before the first. Raises ValueError for what is no Redis URL."""
        watched = self._watched.get(key)
        if watched is not None and watched.url == url:
            return watched.last
        client = connect(url)
        self.forget(key)
        self._watched[key] = _Watched(url, asyncio.create_task(self._watch(key, client)))
        return None

    def forget(self, key: Key) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None:
            watched.task.cancel()

    async def close(self) -> None:
        tasks = [watched.task for watched in self._watched.values()]
        for key in list(self._watched):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, key: Key, client: Redis) -> None:
        try:
            while True:
                found = await probe(client)
                watched = self._watched[key]
                changed, watched.last = watched.last != found, found
                if changed:
                    self._on_change(key)
                up = found.verdict is Verdict.ANSWERS
                await asyncio.sleep(_EVERY_SECONDS if up else _EVERY_SECONDS_WHILE_DOWN)
        finally:
            await client.aclose()
