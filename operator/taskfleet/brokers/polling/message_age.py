"""Since when the oldest message of a queue waits. Brokers keep no such time, so it is estimated. Pure.

The message at the head of a list is known by its digest. When another one is there, how long that one has waited
follows from how many messages waited at earlier polls, and how many of the queue pods have fetched since.
What arrived before the first poll, or is fetched by other consumers than WorkerPools, is unknown: then the age is the
time since something was last seen to move, so the estimate is rather too low than too high.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.polling.queue_heads import Line
from taskfleet.brokers.polling.worker_report import Incarnation

# Looks are remembered at distances of a hundredth of the time that a list has not been empty: 600 for a day, 1,000 for
# a month.
_EXACT_TO = 0.01


@dataclass(frozen=True)
class _Mark:
    """The list at one poll: its messages have been fetched when the queue's count reaches `reach`."""

    at: float
    reach: int


@dataclass(frozen=True)
class _Head:
    digest: bytes
    since: float
    length: int
    fetched: int
    marks: tuple[_Mark, ...] = ()


@dataclass
class MessageAges:
    """Of the queues of one broker, from one poll of their heads to the next."""

    _heads: dict[str, _Head] = field(default_factory=dict)  # by list
    _fetched: dict[str, int] = field(default_factory=dict)  # by queue, since it began to wait
    _counted: dict[tuple[Incarnation, str], int] = field(default_factory=dict)

    def update(
        self, waiting: Sequence[Line], digests: Mapping[str, bytes], seen: BrokerSnapshot
    ) -> dict[str, float]:
        """Queue -> when its oldest message came, in seconds of the snapshot's clock."""
        self._count(seen)
        heads: dict[str, _Head] = {}
        since: dict[str, float] = {}
        for line in waiting:
            if (digest := digests.get(line.name)) is None:
                continue
            head = _next(self._heads.get(line.name), digest, line, self._fetched.get(line.queue, 0), seen.at)
            heads[line.name] = head
            since[line.queue] = min(head.since, since.get(line.queue, head.since))
        self._heads = heads
        return since

    def _count(self, seen: BrokerSnapshot) -> None:
        """What pods have fetched of each queue that waits; a start begins at zero."""
        counted = {
            (start, queue): known.report.queues[queue].done + known.report.queues[queue].held
            for start, known in seen.reports.items()
            for queue in seen.busy.intersection(known.report.queues)
        }
        for (start, queue), count in counted.items():
            growth = max(0, count - self._counted.get((start, queue), 0))
            self._fetched[queue] = self._fetched.get(queue, 0) + growth
        self._fetched = {queue: count for queue, count in self._fetched.items() if queue in seen.busy}
        self._counted = counted


def _next(before: _Head | None, digest: bytes, line: Line, fetched: int, now: float) -> _Head:
    if before is None:
        return _marked(_Head(digest, now, line.length, fetched), now)
    marks, since = tuple(mark for mark in before.marks if mark.reach > fetched), before.since
    if digest != before.digest and fetched > before.fetched:
        since = marks[0].at if marks else now
    elif digest != before.digest and line.length <= before.length:
        marks, since = (), now  # other consumers fetch, so the counts say nothing
    # Another head of a longer list was requeued: it is older than the one before.
    return _marked(_Head(digest, since, line.length, fetched, marks), now)


def _marked(head: _Head, now: float) -> _Head:
    """With the list as it is now, if it reaches further than at earlier polls."""
    marks, reach = head.marks, head.fetched + head.length
    if marks and (marks[-1].reach >= reach or now - marks[-1].at < _EXACT_TO * (now - marks[0].at)):
        return head
    return replace(head, marks=(*marks, _Mark(now, reach)))
