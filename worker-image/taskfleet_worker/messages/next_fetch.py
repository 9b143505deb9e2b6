"""When a worker that has room looks at its queues again."""

from __future__ import annotations

from taskfleet_worker.messages.rivals import Rivals

# Seconds between two looks, should a wake-up be lost; as long as BRPOP waits.
LOOK_EVERY = 1.0


class NextFetch:
    """At once after a fetch that brought something; else when Redis says so, at the latest after LOOK_EVERY.

    Times are monotonic seconds.
    """

    def __init__(self, rivals: Rivals) -> None:
        self._rivals = rivals
        self._at = float("-inf")
        self._under_way = False
        # Whether the next fetch, or the one under way, follows a wake-up; and whether one came meanwhile.
        self._woken = False
        self._pushed = False

    def due_in(self, now: float) -> float:
        """Seconds; 0: now."""
        return max(0.0, self._at - now)

    def begins(self) -> None:
        """A fetch is sent: it sees whatever Redis has said until now."""
        self._under_way, self._pushed = True, False

    def ended(self, now: float, *, empty: bool) -> None:
        """It was answered."""
        if self._woken:
            self._rivals.woken(in_time=not empty)
        pushed = self._pushed
        self.given_up()
        if empty:
            self._at = now + LOOK_EVERY
            if pushed:
                self.pushed(now)

    def given_up(self) -> None:
        """It will not be answered, or the connection is a new one."""
        self._at = float("-inf")
        self._under_way = self._woken = self._pushed = False

    def pushed(self, now: float) -> None:
        """Redis says that a list was changed."""
        if self._under_way:
            self._pushed = True
        elif not self._woken and self._at > now:
            self._woken = True
            self._at = min(self._at, now + self._rivals.pause())
