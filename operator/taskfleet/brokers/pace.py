"""How often brokers are read: as often as reading all of them costs 2 % of a core at most. Pure."""

from collections.abc import Hashable

_FASTEST_SECONDS = 0.1
_SLOWEST_SECONDS = 0.5
_SHARE_OF_A_CORE = 0.02
_WEIGHT_OF_THE_LAST = 0.3  # one costly reading, as when many pools are decided on, says little of the next


class Pace:
    """One for all brokers: each is read as often as the others, whatever it costs itself."""

    def __init__(self) -> None:
        self._costs: dict[Hashable, float] = {}

    def pause(self, broker: Hashable, cost: float) -> float:
        """Seconds until the next reading of a broker whose last one took `cost` seconds of CPU."""
        before = self._costs.get(broker, cost)
        self._costs[broker] = before + _WEIGHT_OF_THE_LAST * (cost - before)
        return min(_SLOWEST_SECONDS, max(_FASTEST_SECONDS, sum(self._costs.values()) / _SHARE_OF_A_CORE))

    def forget(self, broker: Hashable) -> None:
        self._costs.pop(broker, None)
