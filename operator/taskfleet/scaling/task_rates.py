"""How long tasks take and how many arrive, out of the counters in successive reports. Pure."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from taskfleet.brokers.polling.worker_report import Report
from taskfleet.brokers.queues.message_rates import RATE_OVER_SECONDS, SHORTEST_SECONDS

_TASKS = 100  # the mean is over about so many


class _Counted(NamedTuple):
    done: int = 0
    busy: float = 0.0
    at: float = 0.0


@dataclass
class TaskRates:
    """Of one pool. Counters restart with every pod, so only their growth counts."""

    _counted: dict[str, _Counted] = field(default_factory=dict)
    _served: deque[tuple[int, float]] = field(default_factory=deque)
    _arrived: deque[tuple[float, int]] = field(default_factory=deque)
    _began: float | None = None
    _in_system: int | None = None
    received_at: float | None = None

    def add(self, reports: Mapping[str, Report], *, waiting: int, now: float) -> None:
        """Take in one reading: reports by start, and what waits in the pool's queues."""
        done, busy = self._growth(reports, now)
        if done:
            self._served.append((done, busy))
            self._trim_served()
        in_system = waiting + sum(report.held for report in reports.values())
        if self._in_system is not None:
            # What left must have been there: growth of what is there, plus what left, has arrived.
            arrived = max(0, in_system - self._in_system + done)
            if arrived:
                self._arrived.append((now, arrived))
            if arrived or done:
                self.received_at = now
        elif in_system:
            self.received_at = now
        self._in_system = in_system
        self._began = now if self._began is None else self._began
        while self._arrived and self._arrived[0][0] < now - RATE_OVER_SECONDS:
            self._arrived.popleft()

    def service_time(self) -> float | None:
        """Mean seconds of the last tasks; None before the first has ended."""
        tasks = sum(done for done, _ in self._served)
        return sum(busy for _, busy in self._served) / tasks if tasks else None

    def arrival_rate(self, now: float) -> float:
        """Tasks a second over the last minute, or since the first reading."""
        if self._began is None:
            return 0.0
        seen = max(SHORTEST_SECONDS, now - self._began)
        return sum(count for _, count in self._arrived) / min(RATE_OVER_SECONDS, seen)

    def _growth(self, reports: Mapping[str, Report], now: float) -> tuple[int, float]:
        done, busy = 0, 0.0
        for start, report in reports.items():
            total = sum(work.done for work in report.queues.values())
            seconds = sum(work.busy_seconds for work in report.queues.values())
            before = self._counted.get(start, _Counted())
            done += max(0, total - before.done)
            busy += max(0.0, seconds - before.busy)
            self._counted[start] = _Counted(total, seconds, now)
        self._forget(now - RATE_OVER_SECONDS)
        return done, busy

    def _forget(self, before: float) -> None:
        """Starts that are gone for good. One that is merely not seen for a moment would count twice."""
        gone = [start for start, counted in self._counted.items() if counted.at < before]
        for start in gone:
            del self._counted[start]

    def _trim_served(self) -> None:
        tasks = sum(done for done, _ in self._served)
        while len(self._served) > 1 and tasks - self._served[0][0] >= _TASKS:
            tasks -= self._served.popleft()[0]
