"""How many messages enter and leave each queue from one poll to the next. Pure.

What pods finish is in their reports, what waits is in the lists. The rest follows: a total of all that ever was in
a queue only grows, so growth has arrived. If the total stays lower, another consumer has taken messages, or they
were discarded. A report may come a moment after the list that it belongs to, so a total counts as lower only when
several polls say so.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report

RATE_OVER_SECONDS = 60.0
SHORTEST_SECONDS = 10.0  # over less, one burst would pass for a steady stream of its size
_LOOKS = 5  # a second apart; a report is late by 0.1 s, on a node without a free core by more
_NOTHING = QueueWork()


@dataclass(frozen=True)
class MessageRates:
    """Messages a second over the last minute. `other`: left, but no pod has finished them."""

    arrival: float = 0.0
    done: float = 0.0
    other: float = 0.0

    @property
    def completion(self) -> float:
        return self.done + self.other


class _Minute:
    """Counts of the last minute."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()
        self._sum = 0

    def add(self, at: float, count: int) -> None:
        if count > 0:
            self._counts.append((at, count))
            self._sum += count

    def total(self, now: float) -> int:
        while self._counts and self._counts[0][0] <= now - RATE_OVER_SECONDS:
            self._sum -= self._counts.popleft()[1]
        return self._sum

    def rate(self, now: float, began: float) -> float:
        seconds = min(RATE_OVER_SECONDS, max(SHORTEST_SECONDS, now - began))
        return self.total(now) / seconds


@dataclass
class _Queue:
    began: float
    level: int  # all that has come, as far as it is known
    finished: int = 0  # by pods, since `began`
    totals: deque[int] = field(default_factory=lambda: deque(maxlen=_LOOKS))
    arrived: _Minute = field(default_factory=_Minute)
    done: _Minute = field(default_factory=_Minute)
    other: _Minute = field(default_factory=_Minute)

    def settled(self, now: float) -> bool:
        """Whether nothing changes until another message is seen."""
        same = len(self.totals) == _LOOKS and all(total == self.level for total in self.totals)
        return same and not any(each.total(now) for each in (self.arrived, self.done, self.other))

    def take(self, now: float, total: int, done: int) -> None:
        self.done.add(now, done)
        self.totals.append(total)
        if total > self.level:
            self.arrived.add(now, total - self.level)
            self.level = total
        elif len(self.totals) == _LOOKS and (most := max(self.totals)) < self.level:
            self.other.add(now, self.level - most)
            self.level = most

    def shrink(self, count: int) -> None:
        """Messages have left, and it is known where to."""
        self.level -= count
        self.totals = deque((total - count for total in self.totals), maxlen=_LOOKS)


@dataclass
class Flows:
    """Of the subscribed queues of one broker."""

    _queues: dict[str, _Queue] = field(default_factory=dict)
    _unsettled: set[str] = field(default_factory=set)
    _reports: dict[Incarnation, Report] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=dict)
    _looked: bool = False

    def add(self, seen: BrokerSnapshot, queues: Set[str]) -> set[str]:
        """Take in a poll; the queues about which it has news. A queue's first poll is its starting point."""
        finished, touched = self._take_reports(seen.reports)
        for queue in self._queues.keys() - queues:
            del self._queues[queue]
        new = queues - self._queues.keys()
        moved = (self._unsettled | touched | seen.busy) & self._queues.keys()
        for queue in new:
            self._queues[queue] = _Queue(seen.at, self._inside(queue, seen))
        for queue in moved:
            known = self._queues[queue]
            known.finished += finished.get(queue, 0)
            known.take(seen.at, self._inside(queue, seen) + known.finished, finished.get(queue, 0))
        self._unsettled = {queue for queue in moved | new if not self._queues[queue].settled(seen.at)}
        return moved | new

    def _inside(self, queue: str, seen: BrokerSnapshot) -> int:
        return seen.total(queue) + seen.dead_letters.get(queue, 0) + self._held.get(queue, 0)

    def rates(self, queue: str, now: float) -> MessageRates:
        known = self._queues.get(queue)
        if known is None:
            return MessageRates()
        return MessageRates(
            *(each.rate(now, known.began) for each in (known.arrived, known.done, known.other))
        )

    def held(self, queue: str) -> int:
        """Messages of a queue in the hands of pods."""
        return self._held.get(queue, 0)

    def watched_for(self, queue: str, now: float) -> float:
        """Seconds since the first poll of a queue."""
        known = self._queues.get(queue)
        return now - known.began if known is not None else 0.0

    def purged(self, queue: str, count: int) -> None:
        """We have removed messages ourselves."""
        self._shrink(queue, count)

    def _shrink(self, queue: str, count: int) -> None:
        if queue in self._queues:
            self._queues[queue].shrink(count)
            self._unsettled.add(queue)

    def _take_reports(self, known: Mapping[Incarnation, LastReport]) -> tuple[dict[str, int], set[str]]:
        """What pods have finished since the last poll by queue, and the queues that any of them reports for the first time."""
        finished: dict[str, int] = {}
        touched: set[str] = set()
        now = {start: one.report for start, one in known.items()}
        for start, report in now.items():
            before = self._reports.get(start)
            if before is report:
                continue
            self._hold(before, report)
            touched.update(report.queues)
            # At the very first poll it is unknown when a pod finished what it reports.
            if before is None and not self._looked:
                continue
            for queue, work in report.queues.items():
                was = before.queues.get(queue, _NOTHING).done if before is not None else 0
                finished[queue] = finished.get(queue, 0) + max(0, work.done - was)
        self._forget(self._reports.keys() - now.keys())
        self._reports, self._looked = now, True
        return finished, touched

    def _hold(self, before: Report | None, now: Report) -> None:
        for sign, report in ((-1, before), (1, now)):
            for queue, work in report.queues.items() if report is not None else ():
                self._held[queue] = self._held.get(queue, 0) + sign * _in_hand(work)

    def _forget(self, gone: Iterable[Incarnation]) -> None:
        """Starts that have ended: what they held was requeued or finished, and is reported no more."""
        for start in gone:
            for queue, work in self._reports[start].queues.items():
                self._held[queue] -= _in_hand(work)
                self._shrink(queue, _in_hand(work))


def _in_hand(work: QueueWork) -> int:
    """A task that was acknowledged early is held no more, and runs."""
    return max(work.held, work.active)
