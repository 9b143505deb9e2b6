"""What the watches missed: kopf makes up no deletions after a 410, and a stream can die in silence."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog

from taskfleet import metrics
from taskfleet.api import Key
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import CHILD_TYPES, OWN_TYPES, key_of
from taskfleet.watch.informer import MANAGED_BY_US

log = structlog.get_logger(__name__)

T = TypeVar("T")

_DEAD_AFTER_SECONDS = 30.0
_SYNC_SECONDS = 30.0
_SETTLE_SECONDS = 5.0  # a change this young may still be on its way through the watch


@dataclass
class WatchHealth:
    """A watch is dead if a resync found a change that it should have reported and still has not."""

    _missed_at: dict[str, float] = field(default_factory=dict)

    def heard(self, kind: str) -> None:
        self._missed_at.pop(kind, None)

    def missed(self, kind: str, *, now: float) -> None:
        self._missed_at.setdefault(kind, now)

    def dead(self, *, now: float) -> list[str]:
        return sorted(kind for kind, at in self._missed_at.items() if now - at > _DEAD_AFTER_SECONDS)


class Resync:
    """Compares the cache with lists of metadata and reads what differs."""

    def __init__(
        self,
        gateway: Gateway,
        cache: Cache,
        health: WatchHealth,
        *,
        namespaces: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._gateway = gateway
        self._cache = cache
        self._health = health
        self._namespaces: list[str | None] = list(namespaces) or [None]
        self._clock = clock
        self._relisted: set[str] = set()
        self._sweep_due = asyncio.Event()

    def relisted(self, kind: str) -> None:
        """A watch has restarted and reported what exists; it does not report what no longer exists."""
        self._relisted.add(kind)
        self._sweep_due.set()

    async def run(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self.once()
            except ApiError as error:
                log.warning("resync failed", error=str(error))

    async def sweep(self) -> None:
        """Forget what was deleted while its watch restarted, as soon as the new one is running.

        Until then a deleted pool would be given its Deployment again and again, only for the garbage collector.
        """
        while True:
            await self._sweep_due.wait()
            self._sweep_due.clear()
            while self._relisted:
                await self._patiently(partial(self._forget_gone, self._relisted.pop()))

    async def _forget_gone(self, kind: str) -> None:
        before = self._cache.keys(kind)
        listed = await self._list_all([kind])
        for key in before:
            if key not in listed and self._cache.version(key) is not None:
                await self._read(key)

    async def wait_until_synced(self) -> None:
        """Return when the cache holds at least what the cluster held at the time of this call."""
        pending = list((await self._patiently(self._list_all)).items())
        now = self._clock()
        deadline, look_again = now + _SYNC_SECONDS, now + _SETTLE_SECONDS
        while pending:
            if self._has(*pending[-1]):
                pending.pop()
                continue
            now = self._clock()
            if now > deadline:  # a watch does not start: read what is left
                await self._patiently(self.once)
                return
            if now > look_again:
                there = await self._patiently(self._list_all)
                pending = [(key, version) for key, version in pending if key in there]
                look_again = self._clock() + _SETTLE_SECONDS
            await asyncio.sleep(0.05)

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gives, however long the API server takes to answer: watches wait for it as well."""
        while True:
            try:
                return await read()
            except ApiError as error:
                log.warning("cannot read the cluster yet", error=str(error))
                await asyncio.sleep(1.0)

    async def once(self) -> None:
        before = {kind: set(self._cache.keys(kind)) for kind in (*OWN_TYPES, *CHILD_TYPES)}
        listed = await self._list_all()
        gone = [key for keys in before.values() for key in keys if key not in listed]
        changed = [key for key, version in listed.items() if not self._has(key, version)]
        if gone or changed:
            await asyncio.sleep(_SETTLE_SECONDS)
        for key in gone:
            if self._cache.version(key) is not None:
                await self._read(key)
        for key in changed:
            if not self._has(key, listed[key]):
                await self._read(key)

    async def _read(self, key: Key) -> None:
        """Bring the cache to what there is of an object. The watch may do so too during the call."""
        known = self._cache.get(*key)
        live = await self._gateway.get(key)
        if live is not None:
            if self._cache.put({**live, "kind": key.kind}):
                self._note_missed(key)
                # A deletion proves nothing: a restarted watch reports none in between.
                self._health.missed(key.kind, now=self._clock())
        elif known is not None and self._cache.get(*key) is known:
            self._cache.remove(known, deleted=True)
            self._note_missed(key)

    def _note_missed(self, key: Key) -> None:
        metrics.WATCH_EVENTS_MISSED.labels(key.kind).inc()
        log.info("the watch missed a change", kind=key.kind, namespace=key.namespace, name=key.name)

    async def _list_all(self, kinds: Iterable[str] = (*OWN_TYPES, *CHILD_TYPES)) -> dict[Key, str]:
        listed: dict[Key, str] = {}
        for kind in kinds:
            selector = MANAGED_BY_US if kind in CHILD_TYPES else ""
            for namespace in self._namespaces:
                async for item in self._gateway.list_metadata(kind, namespace, selector=selector):
                    listed[key_of(item)] = item["metadata"]["resourceVersion"]
        return listed

    def _has(self, key: Key, version: str) -> bool:
        known = self._cache.version(key)
        return known is not None and int(known) >= int(version)
