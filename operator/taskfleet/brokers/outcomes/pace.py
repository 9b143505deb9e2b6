"""How often the outcomes of tasks are read: every 10 s, less often where that would take more than 3 % of a core. Pure."""

from collections.abc import Hashable

FASTEST_SECONDS = 10.0
_SHARE_OF_A_CORE = 0.03
# More of one broker's cost does not count for the others: a tenant slows down nobody but itself.
_MOST_OF_ONE_SECONDS = 0.1


class OutcomePace:
    """One for all brokers."""

    def __init__(self) -> None:
        self._costs: dict[Hashable, float] = {}
        self._total = 0.0

    def spent(self, broker: Hashable, seconds: float) -> None:
        """So much CPU went into the last reading of a broker's pools."""
        before = self._costs.get(broker, 0.0)
        self._total += min(seconds, _MOST_OF_ONE_SECONDS) - min(before, _MOST_OF_ONE_SECONDS)
        self._costs[broker] = seconds

    def forget(self, broker: Hashable) -> None:
        self.spent(broker, 0.0)
        del self._costs[broker]

    def pause(self, broker: Hashable) -> float:
        """Seconds to the next reading of a broker."""
        cost = max(self._costs.get(broker, 0.0), self._total)
        return max(FASTEST_SECONDS, cost / _SHARE_OF_A_CORE)
