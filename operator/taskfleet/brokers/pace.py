"""How often brokers are read: as often as reading all of them costs 1.2 % of a core at most. Pure."""

from collections.abc import Hashable

_FASTEST_SECONDS = 0.1
_SLOWEST_SECONDS = 0.5  # tasks that arrive do not wait longer for a decision, however many pods report
_SLOWEST_REPORTS_SECONDS = 2.0  # an idle pod says nothing new within that time
_SHARE_OF_A_CORE = 0.012
_WEIGHT_OF_THE_LAST = 0.3  # one costly reading, as when many pools are decided on, says little of the next


class Pace:
    """One for all brokers: each is read as often as the others, whatever it costs itself."""

    def __init__(self) -> None:
        self._costs: dict[Hashable, float] = {}

    def spent(self, broker: Hashable, seconds: float) -> None:
        """So much CPU went into a reading of a broker with all its reports."""
        before = self._costs.get(broker, seconds)
        self._costs[broker] = before + _WEIGHT_OF_THE_LAST * (seconds - before)

    def forget(self, broker: Hashable) -> None:
        self._costs.pop(broker, None)

    @property
    def pause(self) -> float:
        """Seconds from one reading of a broker to the next."""
        return min(_SLOWEST_SECONDS, self.reports_pause)

    @property
    def reports_pause(self) -> float:
        """Seconds from one reading of all reports to the next; what waits in the queues costs next to nothing."""
        affordable = sum(self._costs.values()) / _SHARE_OF_A_CORE
        return min(_SLOWEST_REPORTS_SECONDS, max(_FASTEST_SECONDS, affordable))
