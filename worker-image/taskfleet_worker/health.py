"""Whether the worker is ready and its consumer alive: observed without a lock, decided by a pure function.

The consumer's loop turns at least every 2 s while it is well. Its standing still means nothing while the broker
is away, while a task runs inside the loop (solo), while a full green pool takes no task, or while CPU work of a
task starves a green worker: killing then would only kill tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable

# Reconnecting over a half-open connection takes up to 2 x socket_timeout + health check = 30 s.
LOOP_LIMIT = 60.0
# A pool that holds tasks and runs none. Children may take long to start, as they load the app's data.
POOL_LIMIT = 300.0

GREEN = ("gevent", "eventlet")


@dataclass(frozen=True)
class Seen:
    """One look at the worker. Ages are seconds; None: has not happened yet.

    `fetch_age` is the age of the last fetch while the worker has room for more and means to fetch, else None.
    `pool_idle`: since when the pool has done nothing, while it holds tasks and runs none.
    """

    pool_type: str
    capacity: int
    ready: bool
    stopping: bool
    loop_age: float | None
    hub_age: float | None
    active: int
    fetch_age: float | None = None
    waiting: str | None = None  # for what the loop's own thread waits, where that is known
    pool_idle: float | None = None


def alive(seen: Seen, broker_reachable: Callable[[], bool]) -> tuple[bool, str]:
    """Verdict and reason. The broker is asked only where everything else says dead."""
    if seen.loop_age is None or not seen.ready or seen.stopping:
        return True, "stopping" if seen.stopping else "starting"
    if seen.waiting is None and seen.pool_idle is not None and seen.pool_idle >= POOL_LIMIT:
        return False, f"the pool holds tasks but has not started or finished any for {seen.pool_idle:.0f} s"
    standing, what = _standing(seen, seen.loop_age)
    if standing < LOOP_LIMIT:
        return True, "consuming"
    excuse = _excuse(seen)
    if excuse:
        return True, excuse
    if not broker_reachable():
        return True, "the broker does not answer"
    return False, f"the consumer has not {what} for {standing:.0f} s, although the broker is reachable"


def _standing(seen: Seen, loop_age: float) -> tuple[float, str]:
    """A loop may turn and yet not fetch: after a reconnect, or over a connection that is dead and not closed."""
    if loop_age < LOOP_LIMIT and seen.fetch_age is not None:
        return seen.fetch_age, "fetched"
    return loop_age, "turned"


def _excuse(seen: Seen) -> str | None:
    if seen.waiting is not None:
        return f"the worker waits for {seen.waiting}"
    if seen.pool_type == "solo" and seen.active:
        return "the solo pool is running a task"
    if seen.pool_type in GREEN and seen.active >= seen.capacity:
        return "all slots of the pool are busy"
    if seen.pool_type in GREEN and seen.active and (seen.hub_age or 0) >= LOOP_LIMIT:
        return "a task blocks the CPU"
    return None


def since_end(seen: Seen, age: float) -> Seen:
    """Where tasks are the excuse, the ages count from the end of the last one: the loop has yet to come round then."""
    if seen.pool_type not in ("solo", *GREEN):
        return seen
    return replace(
        seen,
        loop_age=None if seen.loop_age is None else min(seen.loop_age, age),
        fetch_age=None if seen.fetch_age is None else min(seen.fetch_age, age),
    )


class Health:
    """Written by the worker's threads, read by the probes. Plain attributes: reading one is atomic."""

    def __init__(self, pool_type: str, capacity: int, clock: Callable[[], float]) -> None:
        self.pool_type = pool_type
        self.capacity = capacity
        self.ready = False
        self.drained = False
        self.stopping = False
        self.active: Callable[[], int] = lambda: 0
        self.last_end: Callable[[], float] = lambda: float("-inf")  # of a task, by the clock
        self.fetch_age: Callable[[], float | None] = lambda: None
        self.pool_idle: Callable[[], float | None] = lambda: None
        self.broker_reachable: Callable[[], bool] = lambda: False
        self.waiting: Callable[[], str | None] = lambda: None
        self.obstacle: Callable[[], str | None] = lambda: None
        self._announced = False
        self._clock = clock
        self._loop_turned: float | None = None
        self._hub_turned: float | None = None

    def turned(self) -> None:
        """The consumer's loop has come round."""
        self._loop_turned = self._clock()
        # Not before: up to the first turn Celery looks after its pool, and a QUIT there ends it by an error.
        self.ready = self.ready or self._announced

    def consumer_ready(self, consumer: Any) -> None:
        """The worker fetches from now on; called again after each reconnect."""
        if self.pool_type in GREEN and not self._announced:
            self._hub_turned = self._clock()
            consumer.timer.call_repeatedly(1.0, self._hub_turns)
        self._announced = True

    def _hub_turns(self) -> None:
        self._hub_turned = self._clock()

    def readiness(self) -> tuple[bool, str]:
        """Verdict and reason."""
        if self.drained:
            return False, "drained"
        if not self.ready:
            return False, "the worker is not ready yet"
        obstacle = "stopping" if self.stopping else self.obstacle()
        return obstacle is None, obstacle or "ready"

    def liveness(self) -> tuple[bool, str]:
        """Verdict and reason."""
        return alive(self.look(), self.broker_reachable)

    def look(self) -> Seen:
        """What holds now."""
        now = self._clock()
        seen = Seen(
            pool_type=self.pool_type,
            capacity=self.capacity,
            ready=self.ready,
            stopping=self.stopping,
            loop_age=None if self._loop_turned is None else now - self._loop_turned,
            hub_age=None if self._hub_turned is None else now - self._hub_turned,
            active=self.active(),
            fetch_age=self.fetch_age(),
            waiting=self.waiting(),
            pool_idle=self.pool_idle(),
        )
        return since_end(seen, now - self.last_end())
