"""When a broker is read next, and whether its reports are read too. Pure."""

from dataclasses import dataclass

_AT_REST_SECONDS = 1.0  # a wake-up that is lost costs no more
_REPORTS_AT_REST_SECONDS = 5.0  # no wake-up says that a pod has become silent
# After a wake-up an idle pod may have a task that its report does not show yet.
_REPORTS_FOLLOW_WITHIN_SECONDS = 1.0


@dataclass(frozen=True)
class Pace:
    """Seconds from one reading of a busy broker to the next, and from one reading of all reports to the next."""

    pause: float
    reports_pause: float

    @property
    def cheap(self) -> bool:
        """Whether reports are read at each reading anyway."""
        return self.reports_pause <= self.pause


@dataclass
class ReadingSchedule:
    """A busy broker is read once each pause. A wake-up takes one reading in advance, so that the rate stays the same
    however many there are: the generic cell rate algorithm with room for one.
    """

    _read_at: float = float("-inf")  # when the last reading ended
    _reports_read_at: float = float("-inf")  # when the last one with reports began
    _earned_at: float = float("-inf")  # when the next reading is due that is not in advance
    _awake_until: float = float("-inf")

    def due(
        self, pace: Pace, now: float, *, woken: bool, at_rest: bool, wanted_at: float = float("inf")
    ) -> float:
        """When to read next. `at_rest`: nothing is to be expected but a wake-up before `wanted_at`."""
        if woken:
            return self._earned_at - pace.pause
        if at_rest and now >= self._awake_until:
            return max(self._earned_at, min(self._read_at + _AT_REST_SECONDS, wanted_at))
        return self._earned_at

    def with_reports(self, pace: Pace, now: float, *, at_rest: bool) -> bool:
        """Whether a reading that begins now asks for reports too."""
        every = pace.reports_pause
        if at_rest and now >= self._awake_until and not pace.cheap:
            every = max(every, _REPORTS_AT_REST_SECONDS)
        return now >= self._reports_read_at + every

    def read(self, pace: Pace, *, began: float, ended: float, woken: bool, with_reports: bool) -> None:
        """A reading has taken place."""
        self._read_at = ended
        self._earned_at = max(ended, self._earned_at) + pace.pause
        if with_reports:
            self._reports_read_at = began
        if woken:
            self._awake_until = ended + pace.reports_pause + _REPORTS_FOLLOW_WITHIN_SECONDS
