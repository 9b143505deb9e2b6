"""What one reading of a broker says, and what is kept from one reading to the next. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
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

    def key(self, *parts: str) -> str:
        """Full name of one of our own keys: worker-image/taskfleet_worker/keys.py."""
        return self.prefix + ":".join((self.reports.removesuffix(":reports"), *parts))

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
    start_id: str = ""

    def stale(self, now: float) -> bool:
        return now - self.moved_at > STALE_AFTER_SECONDS


@dataclass(frozen=True)
class Observation:
    """A broker at one moment."""

    at: float
    waiting: Mapping[str, tuple[int, ...]]  # queue -> messages by priority step
    reports: Mapping[Start, Known]
    dead_letters: Mapping[str, int] = field(default_factory=dict)  # by queue
    changed: frozenset[str] = frozenset()  # uids of pools whose reports say something new
    busy: frozenset[str] = frozenset()  # queues in which something waits

    @cached_property
    def by_pool(self) -> Mapping[str, Mapping[str, "Known"]]:
        """Pool uid -> pod -> its report; of several starts of one pod that which moved last."""
        newest: dict[str, dict[str, Known]] = defaultdict(dict)
        for start, known in self.reports.items():
            pods = newest[start.pool_uid]
            if start.pod not in pods or known.moved_at > pods[start.pod].moved_at:
                pods[start.pod] = known
        return newest

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
    known = before.reports if before is not None else {}
    reports = _reports(fields, known, now)
    return Observation(
        now,
        waiting,
        reports,
        dead_letters,
        changed=_changed(known, reports),
        busy=frozenset(queue for queue, counts in waiting.items() if any(counts)),
    )


def unchanged(before: Observation, *, now: float) -> Observation:
    """The state when every reply is as it was."""
    return replace(before, at=now, changed=frozenset())


def _changed(before: Mapping[Start, Known], now: Mapping[Start, Known]) -> frozenset[str]:
    came = {start.pool_uid for start, known in now.items() if _news(before.get(start), known)}
    went = {start.pool_uid for start in before if start not in now}
    return frozenset(came | went)


def _news(before: Known | None, now: Known) -> bool:
    return before is not now and (before is None or before.report != now.report)


def _reports(fields: Sequence[bytes], before: Mapping[Start, Known], now: float) -> dict[Start, Known]:
    reports: dict[Start, Known] = {}
    for name, value in zip(fields[: 2 * _MOST_REPORTS : 2], fields[1 : 2 * _MOST_REPORTS : 2], strict=True):
        start = start_of(name)
        if start is None:
            continue
        known = before.get(start)
        if known is None or known.raw != value:
            known = _moved(known, value, now, start.start_id)
        if known is not None:
            reports[start] = known
    return reports


def _moved(before: Known | None, value: bytes, now: float, start_id: str) -> Known | None:
    report = parse(value)
    if report is None:
        return before
    if before is not None and report.seq <= before.report.seq:
        return Known(report, before.moved_at, value, start_id)
    return Known(report, now, value, start_id)
