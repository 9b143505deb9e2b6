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
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, Query, observing, resumed, unchanged
from taskfleet.brokers.polling.message_age import MessageAges
from taskfleet.brokers.polling.share import Share

log = structlog.get_logger(__name__)

_HEADS_EVERY_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0
_AGAIN_SECONDS = 1.0

T = TypeVar("T")


class RedisPoller:
    """`locate` is asked for before each connection, `query` before each reading; the same one is encoded once.

    `on_reading` gets every new snapshot, and None when the broker does not answer. What either raises, and
    UnsafeReplyError, ends the reading; `run` can be called again.
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
        self._reports_read_at = float("-inf")
        self._last: BrokerSnapshot | None = None  # outlives a connection: a pod that was stale stays so
        self._ages = MessageAges()
        self._read_heads_at = 0.0
        self._oldest: Mapping[str, float] = {}

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
                connection = await RawConnection.connect(
                    await self._locate(),
                    patience=_PATIENCE_SECONDS,
                    max_bytes=self._share.max_reply_bytes,
                    received=self._share.received,
                )
                try:
                    await self._read(connection)
                finally:
                    await connection.aclose()
            except RawConnectionError as error:
                log.debug("polling a broker failed", host=self._name, error=str(error))
                self._on_reading(None)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, connection: RawConnection) -> None:
        if self._last is not None:
            self._last = resumed(self._last, now=time.monotonic())
        whole, queues = _batches(self._query)
        while True:
            if (query := self._query_now()) is not self._query:
                self._query, (whole, queues) = query, _batches(query)
            asked_at = time.monotonic()
            with_reports = asked_at >= self._reports_read_at + self._share.reports_pause
            replies = await (connection.ask(whole) if with_reports else connection.ask_uncompared(queues))
            spent, now = connection.parsed_for, time.monotonic()
            if replies is not None:
                self._last, seconds = await in_pieces(observing(query, replies, self._last, now=now))
                spent += seconds
            elif self._last is not None:
                self._last = unchanged(self._last, now=now)
            if with_reports and self._last is not None:
                self._last = replace(self._last, reports_asked_at=asked_at)
            began = time.thread_time()
            self._last = self._with_ages(self._last)
            self._on_reading(self._last)
            metrics.POLL_SECONDS.observe(time.monotonic() - asked_at)
            if with_reports:
                self._share.spent(time.thread_time() - began + spent)
                self._share.keeps(connection.kept_bytes)
                self._reports_read_at = asked_at
            if self._last is not None and now >= self._read_heads_at:
                self._read_heads_at = now + _HEADS_EVERY_SECONDS
                await self._read_heads(connection, query, self._last)
            await asyncio.sleep(self._share.pause)

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
