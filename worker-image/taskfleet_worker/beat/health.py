"""Whether beat is ready and alive, for the probes."""

from __future__ import annotations

from typing import Callable

# A turn is bounded by the timeouts of its few commands.
LOOP_LIMIT = 60.0
WORKED_LIMIT = 15.0


class BeatHealth:
    """Written by beat's loop, read by the probes. Plain attributes: reading one is atomic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turned = clock()
        self._worked: float | None = None

    def turned(self) -> None:
        """The loop has come round, whatever it found."""
        self._turned = self._clock()

    def worked(self) -> None:
        """A turn has gone well while beat held all entries."""
        self._worked = self._clock()

    def readiness(self) -> tuple[bool, str]:
        """Verdict and reason."""
        if self._worked is None:
            return False, "beat has not read the schedules yet"
        age = self._clock() - self._worked
        if age > WORKED_LIMIT:
            return False, f"the broker has not answered for {age:.0f} s"
        return True, "ready"

    def liveness(self) -> tuple[bool, str]:
        """Verdict and reason."""
        age = self._clock() - self._turned
        if age > LOOP_LIMIT:
            return False, f"the loop of beat has not run for {age:.0f} s"
        return True, "turning"
