"""Reads one broker again and again: one round trip a reading, whatever the number of queues and pods."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import replace
from typing import TypeVar

import structlog

from taskfleet import metrics
from taskfleet.brokers.connection.raw_connection import (
    CommandBatch,
    Endpoint,
    RawConnection,
    RawConnectionError,
)
from taskfleet.brokers.polling import queue_heads as heads
from taskfleet.brokers.polling.broker_snapshot import (
    BrokerSnapshot,
    Query,
    any_at_work,
    observing,
    resumed,
    unchanged,
)
from taskfleet.brokers.polling.message_age import MessageAges
from taskfleet.brokers.polling.reading_schedule import ReadingSchedule
from taskfleet.brokers.polling.share import Share
from taskfleet.brokers.polling.wake_ups import WakeUps

log = structlog.get_logger(__name__)

_HEADS_EVERY_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0
_AGAIN_SECONDS = 1.0

T = TypeVar("T")


class RedisPoller:
    """`locate` is asked for before each connection, `query` before each reading; the same one is encoded once.

    `on_reading` gets every new snapshot, and None when the broker does not answer. What either raises, and
    UnsafeReplyError, ends the reading; `run` can be called again. While nothing waits and no pod has work, only a
    change of a queue, a second without one and the time of `read_by` lead to a reading.
    """

    def __init__(
        self,
        locate: Callable[[], Awaitable[Endpoint]],
        query: Callable[[], Query],
        on_reading: Callable[[BrokerSnapshot | None], None],
        *,
        share: Share,
        name: str,
    ) -> None:
        self._locate = locate
        self._name = name
        self._query_now = query
        self._query = query()
        self._on_reading = on_reading
        self._share = share
        self._wanted_at = float("inf")
        self._schedule = ReadingSchedule()
        self._wake_ups = WakeUps(share, name=name)
        self._last: BrokerSnapshot | None = None  # outlives a connection: a pod that was stale stays so
        self._at_work = True  # some pod, by the last reports
        self._ages = MessageAges()
        self._read_heads_at = 0.0
        self._oldest: Mapping[str, float] = {}

    @property
    def polls_because(self) -> str | None:
        """Why the broker is polled instead of announcing what changes; None while it does, or that is not known."""
        return self._wake_ups.refusal

    def read_by(self, at: float) -> None:
        """Read at this time at the latest, although nothing changes. Replaces what was said before."""
        self._wanted_at = at
        self._wake_ups.look_again()

    async def run(self) -> None:
        """Read until cancelled; a broker that fails is tried again every second."""
        try:
            await self._run()
        finally:
            self._share.requeue_unacked()

    async def _run(self) -> None:
        while True:
            try:
                self._share.connects()
                endpoint = await self._locate()
                connection = await RawConnection.connect(
                    endpoint,
                    patience=_PATIENCE_SECONDS,
                    max_bytes=self._share.max_reply_bytes,
                    received=self._share.received,
                )
                try:
                    await self._read(connection, endpoint)
                finally:
                    await self._wake_ups.aclose()
                    await connection.aclose()
            except RawConnectionError as error:
                log.debug("polling a broker failed", host=self._name, error=str(error))
                self._on_reading(None)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, connection: RawConnection, endpoint: Endpoint) -> None:
        if self._last is not None:
            self._last = resumed(self._last, now=time.monotonic())
        batches, query = _batches(self._query), self._query
        while True:
            now = time.monotonic()
            woken = await self._wake_ups.begin(connection, endpoint, query.layout, now)
            if (another := self._query_now()) is not query:
                self._query, batches = another, _batches(another)
            before = self._last
            await self._read_once(connection, batches, woken=woken)
            if self._last is not None and now >= self._read_heads_at:
                self._read_heads_at = now + _HEADS_EVERY_SECONDS
                await self._read_heads(connection, self._query, self._last)
            await self._wake_ups.done(
                time.monotonic(), comparable=self._query is query, news=_queues_changed(before, self._last)
            )
            query = self._query
            await self._pause()

    async def _read_once(
        self, connection: RawConnection, batches: tuple[CommandBatch, CommandBatch], *, woken: bool
    ) -> None:
        whole, queues = batches
        asked_at = time.monotonic()
        with_reports = self._schedule.with_reports(self._share.pace_now, asked_at, at_rest=self._at_rest)
        replies = await (connection.ask(whole) if with_reports else connection.ask_uncompared(queues))
        spent, now = connection.parsed_for, time.monotonic()
        if replies is not None:
            before = self._last
            self._last, seconds = await in_pieces(observing(self._query, replies, before, now=now))
            spent += seconds
            if not with_reports and _queues_changed(before, self._last):
                connection.forget()  # the last answer with reports is no longer what is known
        elif self._last is not None:
            self._last = unchanged(self._last, now=now)
        began = time.thread_time()
        if with_reports and self._last is not None:
            self._last = replace(self._last, reports_asked_at=asked_at)
            if self._last.changed or self._at_work:
                self._at_work = any_at_work(self._last)
        self._last = self._with_ages(self._last)
        self._on_reading(self._last)
        metrics.POLL_SECONDS.observe(time.monotonic() - asked_at)
        if with_reports:
            self._share.spent(time.thread_time() - began + spent)
            self._share.keeps(connection.kept_bytes)
        self._schedule.read(
            self._share.pace_now,
            began=asked_at,
            ended=time.monotonic(),
            woken=woken,
            with_reports=with_reports,
        )

    async def _pause(self) -> None:
        """Until the next reading is due."""
        while (left := self._due() - time.monotonic()) > 0:
            await self._wake_ups.wait(left)
        await asyncio.sleep(0)

    def _due(self) -> float:
        return self._schedule.due(
            self._share.pace_now,
            time.monotonic(),
            woken=self._wake_ups.pending,
            at_rest=self._at_rest,
            wanted_at=self._wanted_at,
        )

    @property
    def _at_rest(self) -> bool:
        """Whether nothing is to be expected but what wakes us."""
        quiet = self._last is not None and not self._last.busy and not self._at_work
        return quiet and self._wake_ups.trusted and self._wanted_at > time.monotonic()

    async def _read_heads(self, connection: RawConnection, query: Query, seen: BrokerSnapshot) -> None:
        waiting = heads.lines(query, seen)
        replies = await connection.ask_uncompared(CommandBatch.of(heads.commands(waiting))) if waiting else []
        self._oldest = self._ages.update(waiting, heads.digests(waiting, replies), seen)

    def _with_ages(self, seen: BrokerSnapshot | None) -> BrokerSnapshot | None:
        """Queues that were empty meanwhile start again."""
        if seen is None or not (self._oldest or seen.oldest_since):
            return seen
        self._oldest = {queue: since for queue, since in self._oldest.items() if queue in seen.busy}
        return replace(seen, oldest_since=self._oldest)


def _queues_changed(before: BrokerSnapshot | None, seen: BrokerSnapshot | None) -> bool:
    if before is None or seen is None or before.lengths is seen.lengths:
        return False
    return (before.waiting, before.dead_letters) != (seen.waiting, seen.dead_letters)


def _batches(query: Query) -> tuple[CommandBatch, CommandBatch]:
    """With the reports, and without."""
    return CommandBatch.of(query.commands()), CommandBatch.of(query.commands(reports=False))


async def in_pieces(pieces: Generator[None, None, T]) -> tuple[T, float]:
    """What comes of it, with others in between, and the seconds of CPU that it took."""
    spent = 0.0
    while True:
        began = time.thread_time()
        try:
            next(pieces)
        except StopIteration as end:
            return end.value, spent + time.thread_time() - began
        spent += time.thread_time() - began
        await asyncio.sleep(0)
