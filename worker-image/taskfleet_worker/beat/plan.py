"""When an entry runs: planned times as pure functions of its timing. Times are Unix seconds, no clock is read.

A timing is the same set of moments whoever asks and whenever, so that a run has one planned time, and one task id.
"""

from __future__ import annotations

from collections.abc import Iterator

DAY = 86400.0
# Where to look for the latest run before a moment: the nearest first, because most timings are frequent.
_WINDOWS = (600.0, 3 * 3600.0, 2 * DAY, 40 * DAY, 400 * DAY, float("inf"))


class PlanError(ValueError):
    """A timing that cannot be planned. The text is for the user."""


class Timing:
    """A set of planned times. Subclasses give `_following`; the rest follows from it."""

    _asked: tuple[tuple[float, float | None], ...] = ()

    def next_after(self, moment: float) -> float | None:
        """The first planned time after a moment; None: there is none. The last two answers are remembered."""
        for asked, answer in self._asked:
            if asked == moment:
                return answer
        answer = self._following(moment)
        self._asked = (*self._asked[-1:], (moment, answer))
        return answer

    def between(self, after: float, until: float) -> Iterator[float]:
        """The planned times after `after`, up to and with `until`."""
        moment = self._following(after)
        while moment is not None and moment <= until:
            yield moment
            moment = self._following(moment)

    def latest(self, after: float, until: float) -> float | None:
        """The last planned time after `after`, up to and with `until`."""
        for seconds in _WINDOWS:
            start = max(after, until - seconds)
            found = list(self.between(start, until))
            if found:
                return found[-1]
            if start == after:
                break
        return None

    def count(self, after: float, until: float) -> int:
        """How many planned times there are after `after`, up to and with `until`."""
        return sum(1 for _ in self.between(after, until))

    def _following(self, moment: float) -> float | None:
        raise NotImplementedError


class Every(Timing):
    """A run every so many seconds, counted from an anchor that is no run itself."""

    def __init__(self, seconds: float, anchor: float) -> None:
        if seconds <= 0:
            raise PlanError(f"spec.interval is {seconds:g} s: use more than 0.")
        self._seconds = seconds
        self._anchor = anchor

    def _number(self, moment: float) -> int:
        return max(0, int((moment - self._anchor) // self._seconds))

    def _following(self, moment: float) -> float:
        return self._anchor + (self._number(moment) + 1) * self._seconds

    def latest(self, after: float, until: float) -> float | None:
        number = self._number(until)
        return self._anchor + number * self._seconds if number > self._number(after) else None

    def count(self, after: float, until: float) -> int:
        return max(0, self._number(until) - self._number(after))


class Once(Timing):
    """A single moment."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def _following(self, moment: float) -> float | None:
        return self._moment if self._moment > moment else None
