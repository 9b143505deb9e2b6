"""A fleet that is always at its maximum: the least waiting and the most pods."""

from math import inf

from taskfleet.simulation.fleet import Fleet


class Fixed:
    def __init__(self, replicas: int) -> None:
        self.name = f"fixed at {replicas}"
        self.next_look = inf
        self._replicas = replicas

    def begin(self, fleet: Fleet) -> None:
        fleet.warm_up(self._replicas)

    def tick(self, fleet: Fleet) -> None:
        """It never changes."""
