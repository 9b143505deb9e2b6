"""Turns at writing: so many a second in all, and what is urgent before what is not. Pure but for its own memory."""

from dataclasses import dataclass
from math import inf

from taskfleet.api import Key


@dataclass(frozen=True)
class _Turn:
    at: float
    urgent: bool


class WriteBudget:
    """Gives every waiting key a turn of its own, so that it comes back once and not again and again."""

    def __init__(self, *, per_second: float, burst_seconds: float = 1.0) -> None:
        self._gap = 1.0 / per_second
        self._burst = burst_seconds  # unused turns of so long ago may still be taken
        self._turns: dict[Key, _Turn] = {}
        self._taken_until = -inf  # by writes that were made, and by urgent ones to come
        self._lined_up_until = -inf  # by the others

    def wait(self, key: Key, *, urgent: bool, now: float) -> float:
        """Seconds until it is the turn of `key`; 0: now, and the turn is used up by that."""
        turn = self._turns.get(key)
        if turn is None or (urgent and not turn.urgent):
            turn = self._reserve(urgent, now)
        elif not urgent and not turn.urgent and turn.at <= now < self._taken_until:
            turn = self._reserve(urgent, now)  # urgent ones have come in between
        if turn.at > now:
            self._turns[key] = turn
            return turn.at - now
        self._turns.pop(key, None)
        if not turn.urgent:
            self._taken_until = self._after(self._taken_until, now)
        return 0.0

    def forget(self, key: Key) -> None:
        """The key has nothing to write any more."""
        self._turns.pop(key, None)

    def _reserve(self, urgent: bool, now: float) -> _Turn:
        if urgent:
            at = self._taken_until = self._after(self._taken_until, now)
        else:
            at = self._lined_up_until = self._after(max(self._taken_until, self._lined_up_until), now)
        return _Turn(at, urgent)

    def _after(self, until: float, now: float) -> float:
        return max(until, now - self._burst) + self._gap
