"""What one reading of a broker says, and what is kept from one reading to the next. Pure."""

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import (
    Incarnation,
    Report,
    incarnation_of,
    parse,
    same_but_for_number,
)
from taskfleet.brokers.untrusted import MAX_COUNT

STALE_AFTER_SECONDS = 10.0
_MOST_REPORTS = 20_000  # of one broker: more is an attack, not a fleet
# About what a report costs, in bytes of JSON that are parsed in the same time; a million of them take 10 to 20 ms.
_EFFORT_TO_COMPARE = 60
_EFFORT_TO_PARSE = 2_000
_EFFORT_AT_ONCE = 1_000_000

T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """What to ask a broker: the lengths of every queue's lists, and the reports of all pods."""

    layout: Layout
    queues: tuple[str, ...]

    def commands(self, *, reports: bool = True) -> list[tuple[str, ...]]:
        """`reports`: of all pods, at the end."""
        lengths: list[tuple[str, ...]] = [
            ("LLEN", name) for queue in self.queues for name in self._lists(queue)
        ]
        everything = [("HGETALL", self.layout.prefix + self.layout.reports)] if reports else []
        return [*lengths, *everything]

    def _lists(self, queue: str) -> list[str]:
        return [*self.layout.lists(queue), self.layout.dead_letters(queue)]


class LastReport(NamedTuple):
    """A pod's last report with its number, and when that number last moved by our own clock."""

    report: Report
    moved_at: float
    raw: bytes = b""
    start_id: str = ""
    seq: int = 0

    def stale(self, now: float) -> bool:
        return now - self.moved_at > STALE_AFTER_SECONDS

    def held_in_silence(self, now: float) -> int:
        """Messages that the pod holds while it says nothing any more."""
        return self.report.held if self.stale(now) else 0


@dataclass(frozen=True)
class BrokerSnapshot:
    """A broker at one moment."""

    at: float
    waiting: Mapping[str, tuple[int, ...]]  # queue -> messages by priority step
    reports: Mapping[Incarnation, LastReport]
    dead_letters: Mapping[str, int] = field(default_factory=dict)  # by queue
    changed: frozenset[str] = frozenset()  # uids of pools whose reports say something new, or no more
    busy: frozenset[str] = frozenset()  # queues in which something waits
    oldest_since: Mapping[str, float] = field(default_factory=dict)  # by queue, read more seldom; see ages.py
    # By queue, where the broker counts them itself.
    consumers: Mapping[str, int] = field(default_factory=dict)
    lengths: Sequence[Any] = ()  # the replies about queues, as they came
    reports_read: bool = True  # False: they are those of a reading before
    reports_asked_at: float = float("-inf")  # what a pod did before this is in its report
    names: Mapping[bytes, Incarnation] = field(default_factory=dict)  # of the fields of the hash of reports
    invalid_reports: int = 0  # invalid fields of that hash, which were dropped

    @cached_property
    def starts(self) -> Mapping[str, Sequence[Incarnation]]:
        """The starts of each pool's pods, by the pool's uid."""
        starts: dict[str, list[Incarnation]] = defaultdict(list)
        for start in self.reports:
            starts[start.pool_uid].append(start)
        return starts

    def reports_of(self, pool_uid: str) -> Mapping[str, LastReport]:
        """The report of each of a pool's pods by the pod's name; of several starts of one pod that which moved last."""
        newest: dict[str, LastReport] = {}
        for start in self.starts.get(pool_uid, ()):
            known = self.reports[start]
            if start.pod not in newest or known.moved_at > newest[start.pod].moved_at:
                newest[start.pod] = known
        return newest

    def total(self, queue: str) -> int:
        return sum(self.waiting.get(queue, ()))

    def oldest_age(self, queue: str) -> float | None:
        """Seconds that the oldest message has waited, an estimate; 0 where none waits, None where it is not known.

        A queue that has begun to wait is not known for up to 5 s.
        """
        if not self.total(queue):
            return 0.0
        since = self.oldest_since.get(queue)
        return max(0.0, self.at - since) if since is not None else None


def observe(
    query: Query, replies: Sequence[Any], before: BrokerSnapshot | None, *, now: float
) -> BrokerSnapshot:
    """The new state, all at once: see `observing`."""
    return at_once(observing(query, replies, before, now=now))


def observing(
    query: Query, replies: Sequence[Any], before: BrokerSnapshot | None, *, now: float
) -> Generator[None, None, BrokerSnapshot]:
    """The new state, in pieces: it yields wherever others may run. A reply that is an error counts as nothing seen: an
    empty queue, no reports.

    Where the replies are about queues only, the reports are as before. What thousands of idle pods say and what
    empty queues hold mostly is too: it is compared, not parsed again.
    """
    width = len(query.queues) * (len(query.layout.priority_steps) + 1)
    seen = _queues(query, replies[:width], before, now)
    if len(replies) > width:
        fields = replies[width] if isinstance(replies[width], list) else []
        return (yield from _with_reports(seen, fields, before or seen))
    if before is None:
        return seen
    kept = replace(
        seen,
        at=before.at,
        reports=before.reports,
        names=before.names,
        invalid_reports=before.invalid_reports,
        reports_asked_at=before.reports_asked_at,
    )
    return replace(unchanged(kept, now=now), reports_read=False)


def at_once(pieces: Generator[None, None, T]) -> T:
    """What comes of it, without a pause."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: T = end.value
            return result


def observing_depths(
    query: Query,
    depths: Mapping[str, tuple[int, int]],
    reports: Mapping[bytes, bytes],
    before: BrokerSnapshot | None,
    *,
    now: float,
) -> Generator[None, None, BrokerSnapshot]:
    """As `observing`, of a broker whose queues are one list each: (messages, consumers) by queue, reports by start."""
    waiting = {queue: (depths[queue][0] if queue in depths else 0,) for queue in query.queues}
    seen = BrokerSnapshot(
        now,
        waiting,
        {},
        busy=frozenset(queue for queue, each in waiting.items() if any(each)),
        consumers={queue: depth[1] for queue, depth in depths.items()},
        lengths=sorted(depths.items()),
    )
    fields = [part for name_and_value in reports.items() for part in name_and_value]
    return (yield from _with_reports(seen, fields, before or seen))


def unchanged(before: BrokerSnapshot, *, now: float) -> BrokerSnapshot:
    """The state when every reply is as it was."""
    since, until = before.at - STALE_AFTER_SECONDS, now - STALE_AFTER_SECONDS
    silent = (start.pool_uid for start, known in before.reports.items() if since <= known.moved_at < until)
    return replace(before, at=now, changed=frozenset(silent), reports_read=True)


def resumed(before: BrokerSnapshot, *, now: float) -> BrokerSnapshot:
    """The state with which polling resumes at `now`: while no report could arrive, no worker became silent.

    A worker that was silent before stays so, and must be silent again until it counts as dead: a lost broker silences
    all workers, and they take a while to come back.
    """
    away, just_silent = now - before.at, now - STALE_AFTER_SECONDS - 1.0
    reports = {
        start: known._replace(moved_at=max(known.moved_at + away, just_silent))
        for start, known in before.reports.items()
    }
    return replace(before, at=now, reports=reports)


def any_at_work(seen: BrokerSnapshot) -> bool:
    """Whether some pod has messages, or is not simply ready for them."""
    return not all(known.report.idle for known in seen.reports.values())


def _queues(
    query: Query, lengths: Sequence[Any], before: BrokerSnapshot | None, now: float
) -> BrokerSnapshot:
    if before is not None and before.lengths == lengths and before.waiting.keys() == set(query.queues):
        return replace(before, at=now)
    width = len(query.layout.priority_steps) + 1
    counts = [min(max(reply, 0), MAX_COUNT) if isinstance(reply, int) else 0 for reply in lengths]
    by_queue = {queue: counts[at * width : (at + 1) * width] for at, queue in enumerate(query.queues)}
    waiting = {queue: tuple(each[:-1]) for queue, each in by_queue.items()}
    return BrokerSnapshot(
        now,
        waiting,
        {},
        dead_letters={queue: each[-1] for queue, each in by_queue.items() if each[-1]},
        busy=frozenset(queue for queue, each in waiting.items() if any(each)),
        lengths=lengths,
    )


def _with_reports(
    seen: BrokerSnapshot, fields: Sequence[Any], before: BrokerSnapshot
) -> Generator[None, None, BrokerSnapshot]:
    reports: dict[Incarnation, LastReport] = {}
    names: dict[bytes, Incarnation] = {}
    changed: set[str] = set()
    invalid = effort = 0
    was_silent, silent = before.at - STALE_AFTER_SECONDS, seen.at - STALE_AFTER_SECONDS
    for name, value in zip(fields[: 2 * _MOST_REPORTS : 2], fields[1 : 2 * _MOST_REPORTS : 2], strict=False):
        if effort > _EFFORT_AT_ONCE:
            effort = 0
            yield
        start = (before.names.get(name) or incarnation_of(name)) if isinstance(value, bytes) else None
        if start is None:
            invalid, effort = invalid + 1, effort + _EFFORT_TO_COMPARE
            continue
        old = before.reports.get(start)
        known, spent = _read(old, value, seen.at, start.start_id)
        effort += spent
        if known is None or known.raw != value:
            invalid += 1
        if known is None:
            continue
        reports[start], names[name] = known, start
        silence_ends = old is not None and old.moved_at < was_silent
        if old is None or known.report is not old.report or silence_ends != (known.moved_at < silent):
            changed.add(start.pool_uid)
    changed.update(start.pool_uid for start in before.reports.keys() - reports.keys())
    invalid += max(0, len(fields) // 2 - _MOST_REPORTS)
    return replace(
        seen,
        reports=reports,
        names=names,
        changed=frozenset(changed),
        reports_read=True,
        invalid_reports=invalid,
    )


def _read(old: LastReport | None, value: bytes, now: float, start_id: str) -> tuple[LastReport | None, int]:
    """The report in `value`, or the one before it, and what it took."""
    if old is not None and old.raw == value:
        return old, _EFFORT_TO_COMPARE
    return _moved(old, value, now, start_id), _EFFORT_TO_PARSE + len(value)


def _moved(before: LastReport | None, value: bytes, now: float, start_id: str) -> LastReport | None:
    """The report in `value`; `before` where there is none."""
    if before is not None and (number := same_but_for_number(value, before.raw)) is not None:
        report = before.report
    elif (parsed := parse(value)) is not None:
        number, report = parsed
    else:
        return before
    if before is None:
        return LastReport(report, now, value, start_id, number)
    said = before.report if report == before.report else report
    return LastReport(said, now if number > before.seq else before.moved_at, value, start_id, number)
