"""The messages that are next in line, by their digests: a script reads them, and no payload leaves Redis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, Query

# Redis answers no other client while a script runs: 500 lists take it less than a millisecond.
_LISTS_AT_ONCE = 500

# KEYS: lists. Producers push at the left end, so index -1 is the oldest message.
_DIGESTS = """
local found = {}
for at, key in ipairs(KEYS) do
  local message = redis.call('LINDEX', key, -1)
  found[at] = message and redis.sha1hex(message) or ''
end
return found
"""


@dataclass(frozen=True)
class Line:
    """One list of a queue in which messages wait, as the last reading saw it."""

    queue: str
    name: str
    length: int


def lines(query: Query, seen: BrokerSnapshot) -> list[Line]:
    """The lists in which something waits; most queues are empty most of the time."""
    return [
        Line(queue, name, length)
        for queue in sorted(seen.busy)
        for name, length in zip(query.layout.lists(queue), seen.waiting[queue], strict=True)
        if length
    ]


def commands(waiting: Sequence[Line]) -> list[tuple[str | int, ...]]:
    return [("EVAL", _DIGESTS, len(some), *(line.name for line in some)) for some in _batches(waiting)]


def digests(waiting: Sequence[Line], replies: Sequence[Any]) -> dict[str, bytes]:
    """List -> digest of its oldest message. Without those of lists that are empty by now, or that cannot be read."""
    found: dict[str, bytes] = {}
    for some, reply in zip(_batches(waiting), replies, strict=True):
        if isinstance(reply, list):
            found.update((line.name, digest) for line, digest in zip(some, reply, strict=True) if digest)
    return found


def _batches(waiting: Sequence[Line]) -> Iterator[Sequence[Line]]:
    return (waiting[at : at + _LISTS_AT_ONCE] for at in range(0, len(waiting), _LISTS_AT_ONCE))
