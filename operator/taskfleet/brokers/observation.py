"""What one reading of a broker says, and what is kept from one reading to the next. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from taskfleet.brokers.report import Report, Start, parse, start_of
from taskfleet.brokers.wire import Question

STALE_AFTER_SECONDS = 10.0
_MOST_REPORTS = 20_000  # of one broker: more is no fleet but an attack


@dataclass(frozen=True)
class Layout:
    """The names of keys on a broker; all of its users share them (kombu's transport options)."""

    prefix: str
    reports: str  # without the prefix
    priority_steps: tuple[int, ...] = (0, 3, 6, 9)
    separator: str = "\x06\x16"

    def lists(self, queue: str) -> list[str]:
        """The lists of a queue, the most urgent first: kombu 5 `kombu/transport/redis.py` `_q_for_pri`."""
        names = [f"{queue}{self.separator}{step}" if step else queue for step in self.priority_steps]
        return [self.prefix + name for name in names]

    def dead_letters(self, queue: str) -> str:
        """The list of the messages that were set aside: taskfleet_worker/deliveries.py."""
        return f"{self.prefix}{queue}.dead"


@dataclass(frozen=True)
class Query:
    """What to ask a broker: the lengths of every queue's lists, and the reports of all pods."""

    layout: Layout
    queues: tuple[str, ...]

    def question(self) -> Question:
        lengths = [("LLEN", name) for queue in self.queues for name in self._lists(queue)]
        return Question.of([*lengths, ("HGETALL", self.layout.prefix + self.layout.reports)])

    def _lists(self, queue: str) -> list[str]:
        return [*self.layout.lists(queue), self.layout.dead_letters(queue)]


@dataclass(frozen=True)
class Known:
    """A pod's last report, and when its number last moved by our own clock."""

    report: Report
    moved_at: float
    raw: bytes = field(repr=False)

    def stale(self, now: float) -> bool:
        return now - self.moved_at > STALE_AFTER_SECONDS


@dataclass(frozen=True)
class Observation:
    """A broker at one moment."""

    at: float
    waiting: Mapping[str, tuple[int, ...]]  # queue -> messages by priority step
    reports: Mapping[Start, Known]
    dead_letters: Mapping[str, int] = field(default_factory=dict)  # by queue

    def total(self, queue: str) -> int:
        return sum(self.waiting.get(queue, ()))


def observe(query: Query, replies: Sequence[Any], before: Observation | None, *, now: float) -> Observation:
    """The new state. A reply that is an error counts as nothing seen: an empty queue, no reports."""
    width = len(query.layout.priority_steps) + 1
    lengths = [reply if isinstance(reply, int) else 0 for reply in replies[:-1]]
    by_queue = {queue: lengths[at * width : (at + 1) * width] for at, queue in enumerate(query.queues)}
    waiting = {queue: tuple(counts[:-1]) for queue, counts in by_queue.items()}
    dead_letters = {queue: counts[-1] for queue, counts in by_queue.items() if counts[-1]}
    fields = replies[-1] if isinstance(replies[-1], list) else []
    return Observation(now, waiting, _reports(fields, before.reports if before else {}, now), dead_letters)


def unchanged(before: Observation, *, now: float) -> Observation:
    """The state when every reply is as it was."""
    return replace(before, at=now)


def _reports(fields: Sequence[bytes], before: Mapping[Start, Known], now: float) -> dict[Start, Known]:
    reports: dict[Start, Known] = {}
    for name, value in zip(fields[: 2 * _MOST_REPORTS : 2], fields[1 : 2 * _MOST_REPORTS : 2], strict=True):
        start = start_of(name)
        if start is None:
            continue
        known = before.get(start)
        if known is None or known.raw != value:
            known = _moved(known, value, now)
        if known is not None:
            reports[start] = known
    return reports


def _moved(before: Known | None, value: bytes, now: float) -> Known | None:
    report = parse(value)
    if report is None:
        return before
    if before is not None and report.seq <= before.report.seq:
        return Known(report, before.moved_at, value)
    return Known(report, now, value)
