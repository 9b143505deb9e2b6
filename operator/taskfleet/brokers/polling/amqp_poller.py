"""Reads one RabbitMQ again and again: passive declares for what waits, and the reports that pods send by themselves."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from taskfleet import metrics
from taskfleet.brokers.connection.amqp_connection import AmqpConnection, Depth
from taskfleet.brokers.errors import BrokerError
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import (
    BrokerSnapshot,
    LastReport,
    Query,
    observing_depths,
    resumed,
)
from taskfleet.brokers.polling.interval import PollInterval
from taskfleet.brokers.polling.redis_poller import in_pieces
from taskfleet.brokers.untrusted import MAX_BYTES

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 1.0
_FIRST_REPORTS_SECONDS = 2.5  # every pod that lives has reported within 2
_FORGOTTEN_SECONDS = 30.0  # no message says that a process was killed
_MISSING_AGAIN_SECONDS = 1.0
_REPORT_ARRIVES_WITHIN_SECONDS = 5.0
# Asking for a queue that is not there takes three round trips.
_MISSING_AT_ONCE = 20
_MOST_REPORTS = 20_000
_LARGEST_REPORT = 64 * 1024


class AmqpPoller:
    """`query` is asked before each reading; `on_reading` gets every snapshot, None when the broker does not answer.
    What either raises ends the reading; `run` can be called again.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AmqpConnection]],
        layout: Layout,
        *,
        query: Callable[[], Query],
        on_reading: Callable[[BrokerSnapshot | None], None],
        name: str,
    ) -> None:
        self._connect = connect
        self._key = layout.key("reports")
        self._query = query
        self._on_reading = on_reading
        self._name = name
        self._pace = PollInterval()  # its own: a slow RabbitMQ says nothing of how often a Redis can be read
        self._reports: dict[bytes, bytes] = {}  # as they came last, by start
        self._bytes = 0  # of all of them
        self._depths: dict[str, Depth] = {}
        self._missing: dict[str, float] = {}  # queue -> when to ask again
        self._last: BrokerSnapshot | None = None

    async def run(self) -> None:
        """Read until cancelled; a broker that fails is tried again every second."""
        while True:
            try:
                link = await self._connect()
                try:
                    await self._read(link)
                finally:
                    await link.aclose()
            except BrokerError as error:
                log.debug("polling a broker failed", host=self._name, error=str(error))
                self._on_reading(None)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, link: AmqpConnection) -> None:
        await link.hear(self._key, self._take)
        if self._last is None:
            await asyncio.sleep(_FIRST_REPORTS_SECONDS)
        else:
            self._last = resumed(self._last, now=time.monotonic())
        while True:
            query, began = self._query(), time.monotonic()
            await self._ask(link, query.queues, began)
            now = time.monotonic()
            pieces = observing_depths(query, self._depths, dict(self._reports), self._last, now=now)
            seen, _ = await in_pieces(pieces)
            self._last = seen = replace(seen, reports_asked_at=began - _REPORT_ARRIVES_WITHIN_SECONDS)
            self._forget(seen)
            self._on_reading(seen)
            metrics.POLL_SECONDS.observe(time.monotonic() - began)
            # At most what it has cost: others have run meanwhile.
            self._pace.spent("", self, time.monotonic() - began)
            await asyncio.sleep(self._pace.reports_pause(""))

    async def _ask(self, link: AmqpConnection, queues: tuple[str, ...], now: float) -> None:
        self._missing = {queue: at for queue, at in self._missing.items() if queue in queues}
        depths: dict[str, Depth] = {}
        tries = _MISSING_AT_ONCE
        for queue in queues:
            again_at = self._missing.get(queue)
            if again_at is not None:
                if now < again_at or not tries:
                    continue
                tries -= 1
            depth = await link.depth(queue)
            if depth is None:
                self._missing[queue] = now + _MISSING_AGAIN_SECONDS
            else:
                depths[queue] = depth
                self._missing.pop(queue, None)
        self._depths = depths

    def _take(self, start: bytes, report: bytes) -> None:
        """An empty one is the last of its start."""
        self._bytes -= len(self._reports.pop(start, b""))
        if not report or len(report) > _LARGEST_REPORT or len(self._reports) >= _MOST_REPORTS:
            return
        if self._bytes + len(report) <= MAX_BYTES:
            self._reports[start] = report
            self._bytes += len(report)

    def _forget(self, seen: BrokerSnapshot) -> None:
        for name, start in seen.names.items():
            known: LastReport = seen.reports[start]
            if seen.at - known.moved_at > _FORGOTTEN_SECONDS:
                self._bytes -= len(self._reports.pop(name, b""))
