"""Queues with waiting messages and no consumer. A consumer shows at the head of the list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis.asyncio import Redis

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery.findings import UnconsumedQueue

MOST_SHOWN = 20
_MOST_QUEUES = 500
_QUEUES_AT_ONCE = 50
_PATIENCE_SECONDS = 60.0  # a foreign worker may run a task for as long as that

# KEYS: lists. The length of each, and a digest of the message at its head.
_HEADS = """
local found = {}
for at, key in ipairs(KEYS) do
  local message = redis.call('LINDEX', key, -1)
  found[at] = message and {redis.call('LLEN', key), redis.sha1hex(message)} or false
end
return found
"""


@dataclass(frozen=True)
class _Head:
    heads: tuple[bytes, ...]
    since: float


@dataclass
class UnconsumedQueues:
    """Of one broker."""

    layout: Layout
    _heads: dict[str, _Head] = field(default_factory=dict)

    async def scan(
        self, client: Redis, queues: Collection[str], *, others: bool, now: float
    ) -> list[UnconsumedQueue]:
        """Those of `queues`, which no pool consumes, whose head has stood still; the longest first.

        `others`: whether workers run that are not ours. Without them, two polls with the same head are enough.
        """
        lines = await self._lines(client, sorted(queues)[:_MOST_QUEUES])
        patience = _PATIENCE_SECONDS if others else 0.0
        heads: dict[str, _Head] = {}
        found = []
        for queue, (waiting, digests) in lines.items():
            before = self._heads.get(queue)
            same = before is not None and before.heads == digests
            heads[queue] = before if before is not None and same else _Head(digests, now)
            if same and now - heads[queue].since >= patience:
                found.append(UnconsumedQueue(queue, waiting))
        self._heads = heads
        return sorted(found, key=lambda one: (-one.waiting, one.name))

    async def _lines(self, client: Redis, queues: Sequence[str]) -> dict[str, tuple[int, tuple[bytes, ...]]]:
        """Of every queue that is not empty: how many wait, and the heads of its lists."""
        lines = {}
        for at in range(0, len(queues), _QUEUES_AT_ONCE):
            some = queues[at : at + _QUEUES_AT_ONCE]
            keys = [name for queue in some for name in self.layout.lists(queue)]
            replies = cast(list[Any], await client.register_script(_HEADS)(keys))
            width = len(self.layout.priority_steps)
            for number, queue in enumerate(some):
                parts = [part for part in replies[number * width : (number + 1) * width] if part]
                if parts:
                    lines[queue] = sum(part[0] for part in parts), tuple(part[1] for part in parts)
        return lines
