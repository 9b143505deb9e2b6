"""Reads one broker again and again: one round trip a reading, whatever the number of queues and pods."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from taskfleet import metrics
from taskfleet.brokers import heads
from taskfleet.brokers.ages import Ages
from taskfleet.brokers.observation import Observation, Query, observe, resumed, unchanged
from taskfleet.brokers.pace import Pace
from taskfleet.brokers.wire import Endpoint, Wire, WireError

log = structlog.get_logger(__name__)

_HEADS_EVERY_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0
_AGAIN_SECONDS = 1.0


class Observer:
    """`locate` is asked for before each connection, `query` before each reading; the same one is encoded once.

    `on_reading` gets every new observation, and None when the broker does not answer. `pace` is one for all brokers.
    """

    def __init__(
        self,
        locate: Callable[[], Awaitable[Endpoint]],
        query: Callable[[], Query],
        on_reading: Callable[[Observation | None], None],
        *,
        pace: Pace,
        name: str,
    ) -> None:
        self._locate = locate
        self._name = name
        self._query_now = query
        self._query = query()
        self._on_reading = on_reading
        self._pace = pace
        self._reports_read_at = float("-inf")
        self._last: Observation | None = None  # outlives a connection: a pod that was stale stays so
        self._ages = Ages()
        self._look_at_heads_at = 0.0
        self._oldest: Mapping[str, float] = {}

    async def run(self) -> None:
        """Read until cancelled; a broker that fails is tried again every second."""
        try:
            await self._run()
        finally:
            self._pace.forget(self)

    async def _run(self) -> None:
        while True:
            try:
                wire = await Wire.connect(await self._locate(), patience=_PATIENCE_SECONDS)
                try:
                    await self._read(wire)
                finally:
                    await wire.aclose()
            except WireError as error:
                log.debug("broker not read", host=self._name, error=str(error))
                self._tell(None)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, wire: Wire) -> None:
        if self._last is not None:
            self._last = resumed(self._last, now=time.monotonic())
        whole, queues = self._query.question(), self._query.question(reports=False)
        while True:
            if (query := self._query_now()) is not self._query:
                self._query, whole, queues = query, query.question(), query.question(reports=False)
            asked_at = time.monotonic()
            with_reports = asked_at >= self._reports_read_at + self._pace.reports_pause
            replies = await (wire.ask(whole) if with_reports else wire.ask_in_between(queues))
            began, now = time.thread_time(), time.monotonic()
            if replies is not None:
                self._last = observe(query, replies, self._last, now=now)
            elif self._last is not None:
                self._last = unchanged(self._last, now=now)
            self._last = self._with_ages(self._last)
            self._tell(self._last)
            metrics.TICK_SECONDS.observe(time.monotonic() - asked_at)
            if with_reports:
                self._pace.spent(self, time.thread_time() - began + wire.parsed_for)
                self._reports_read_at = asked_at
            if self._last is not None and now >= self._look_at_heads_at:
                self._look_at_heads_at = now + _HEADS_EVERY_SECONDS
                await self._look_at_heads(wire, query, self._last)
            await asyncio.sleep(self._pace.pause)

    async def _look_at_heads(self, wire: Wire, query: Query, seen: Observation) -> None:
        waiting = heads.lines(query, seen)
        replies = await wire.ask_in_between(heads.question(waiting)) if waiting else []
        self._oldest = self._ages.look(waiting, heads.digests(waiting, replies), seen)

    def _with_ages(self, seen: Observation | None) -> Observation | None:
        """Queues that were empty meanwhile begin anew."""
        if seen is None or not (self._oldest or seen.oldest_since):
            return seen
        self._oldest = {queue: since for queue, since in self._oldest.items() if queue in seen.busy}
        return replace(seen, oldest_since=self._oldest)

    def _tell(self, seen: Observation | None) -> None:
        try:
            self._on_reading(seen)
        except Exception:
            log.exception("a reading could not be used", host=self._name)
