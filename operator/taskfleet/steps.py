"""What a coroutine does between two awaits is a step, during which nothing else of the operator runs. Steps are measured
by name, so that the step that occupies the event loop is known, by what it has used and by what it blocks.
"""

import threading
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

LONGEST_STEP_SECONDS = 0.05
"""Of CPU. Longer steps must be split."""

_REMEMBERED_SECONDS = 60.0
_HUNG_SECONDS = 1.0


@dataclass(frozen=True)
class SlowStep:
    """A step that was too long; `at` by the monotonic clock, `seconds` of CPU."""

    at: float
    name: str
    seconds: float


class Steps:
    """The steps of this process. `clock` is monotonic, `cpu` the time that this thread has used."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, cpu: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock = clock
        self._cpu = cpu
        self._slow: deque[SlowStep] = deque(maxlen=100)
        self._current: tuple[str, float] | None = None

    @types.coroutine
    def measured(
        self, name: str, work: Coroutine[Any, Any, T], spent: Callable[[float], None] = lambda _: None
    ) -> Generator[Any, Any, T]:
        """Await `work`, and call `spent` with the seconds of CPU of each of its steps."""
        failure: BaseException | None = None
        try:
            while True:
                began = self._cpu()
                self._current = name, self._clock()
                try:
                    waits_for = work.throw(failure) if failure is not None else work.send(None)
                except StopIteration as end:
                    result: T = end.value
                    return result
                finally:
                    self._current = None
                    self._ended(name, self._cpu() - began, spent)
                failure = None
                try:
                    yield waits_for
                except BaseException as error:
                    failure = error
        finally:
            work.close()

    def _ended(self, name: str, seconds: float, spent: Callable[[float], None]) -> None:
        spent(seconds)
        if seconds > LONGEST_STEP_SECONDS:
            self._slow.append(SlowStep(self._clock(), name, seconds))

    def slowest(self) -> SlowStep | None:
        """The slowest step of the last minute that was too long."""
        since = self._clock() - _REMEMBERED_SECONDS
        return max(
            (step for step in self._slow if step.at > since), key=lambda step: step.seconds, default=None
        )

    def hanging(self) -> tuple[str, float] | None:
        """The step that has been running for over a second, and for how long. Called from another thread."""
        current = self._current
        if current is None or (seconds := self._clock() - current[1]) < _HUNG_SECONDS:
            return None
        return current[0], seconds


STEPS = Steps()


@contextmanager
def watched(steps: Steps = STEPS, *, every: float = _HUNG_SECONDS) -> Iterator[None]:
    """Log, from a thread of its own, which step holds up everything, while it does."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(every):
            if (hanging := steps.hanging()) is not None:
                log.warning("the event loop is blocked", step=hanging[0], seconds=round(hanging[1], 1))

    thread = threading.Thread(target=watch, name="steps", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
