"""Reads the outcomes of the tasks of one broker's pools, of those only whose workers have done something."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from taskfleet.api import Key
from taskfleet.brokers.connection.replies import UnsafeReplyError
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.outcomes.exposition import rendered
from taskfleet.brokers.outcomes.pace import OutcomePace
from taskfleet.brokers.outcomes.totals import MAX_FIELDS, parse
from taskfleet.brokers.queues.consumers import PoolConsumer

log = structlog.get_logger(__name__)

# A worker counts a task in Redis up to 2 s after it has reported that the task ended, on its next turn.
_SETTLED_AFTER_SECONDS = 4.0
# Of one answer: with the longest names it has 8 MB.
_FIELDS_AT_ONCE = 2 * MAX_FIELDS
_LENGTHS_AT_ONCE = 1000


class OutcomeReader:
    """Of one broker. A pool without news is not read again; one that was never read is, as another process may have led."""

    def __init__(
        self,
        broker: Key,
        layout: Layout,
        board: OutcomeBoard,
        pace: OutcomePace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._layout = layout
        self._board = board
        self._pace = pace
        self._clock = clock
        self._spent = 0.0  # seconds of CPU
        self._heard_at: dict[str, float] = {}  # by uid
        self._pools: dict[Key, str] = {}  # read, with the uid

    @property
    def pause(self) -> float:
        """Seconds to the next reading."""
        return self._pace.pause(self._broker)

    def heard(self, uids: Iterable[str], *, now: float) -> None:
        """The reports of these pools' workers have changed."""
        self._heard_at.update(dict.fromkeys(uids, now))

    async def run(self, client: Redis, pools: Mapping[Key, PoolConsumer]) -> None:
        """Read what is due, as far as the server allows it. Raises UnsafeReplyError."""
        self._spent = 0.0
        try:
            await self._run(client, pools)
        except UnsafeReplyError:
            raise
        except RedisError as error:
            log.debug("the outcomes of tasks cannot be read", error=type(error).__name__)
        self._pace.spent(self._broker, self._spent)

    async def _run(self, client: Redis, pools: Mapping[Key, PoolConsumer]) -> None:
        now = self._clock()
        self._prune(pools)
        due = [
            key
            for key, pool in pools.items()
            if self._pools.get(key) != pool.uid or pool.uid in self._heard_at
        ]
        for batch in _batches(due, _LENGTHS_AT_ONCE):
            lengths = await self._ask(client, "HLEN", [pools[key].uid for key in batch])
            sizes = dict(zip(batch, lengths, strict=True))
            for key in batch:
                if not _is_readable(sizes[key]):
                    self._read(key, pools[key].uid, {}, now)
            for some in _by_size({key: size for key, size in sizes.items() if _is_readable(size)}):
                fields = await self._ask(client, "HGETALL", [pools[key].uid for key in some])
                for key, told in zip(some, fields, strict=True):
                    self._read(key, pools[key].uid, told, now)
                    await asyncio.sleep(0)  # others may run: this takes milliseconds

    def _prune(self, pools: Mapping[Key, PoolConsumer]) -> None:
        for key in self._pools.keys() - pools.keys():
            del self._pools[key]
            self._board.forget(self._broker, key)
        known = {pool.uid for pool in pools.values()}
        self._heard_at = {uid: at for uid, at in self._heard_at.items() if uid in known}

    async def _ask(self, client: Redis, command: str, uids: Sequence[str]) -> list[Any]:
        async with client.pipeline(transaction=False) as pipe:
            for uid in uids:
                pipe.execute_command(command, self._layout.key("outcomes", uid))
            return await cast(Awaitable[list[Any]], pipe.execute(raise_on_error=False))

    def _read(self, key: Key, uid: str, fields: object, now: float) -> None:
        began = time.thread_time()
        totals = parse(fields) if isinstance(fields, Mapping) else {}
        if totals:
            failed = sum(totals.get("failed", {}).values())
            self._board.put(self._broker, key, rendered(key.namespace, key.name, totals), failed=failed)
        elif self._pools.get(key) != uid:
            self._board.forget(self._broker, key)
        self._spent += time.thread_time() - began
        self._pools[key] = uid
        if now >= self._heard_at.get(uid, now) + _SETTLED_AFTER_SECONDS:
            self._heard_at.pop(uid, None)


def _is_readable(length: object) -> bool:
    """Whether a reply is the length of a hash that workers may have written and that has something in it."""
    return isinstance(length, int) and 0 < length <= MAX_FIELDS


def _by_size(sizes: Mapping[Key, int]) -> Iterator[list[Key]]:
    """Pools whose hashes come in one answer."""
    batch: list[Key] = []
    fields = 0
    for key, size in sizes.items():
        if batch and fields + size > _FIELDS_AT_ONCE:
            yield batch
            batch, fields = [], 0
        batch.append(key)
        fields += size
    if batch:
        yield batch


def _batches(keys: Sequence[Key], most: int) -> Iterator[Sequence[Key]]:
    for at in range(0, len(keys), most):
        yield keys[at : at + most]
