"""What decides the size of a simulated fleet."""

from typing import Protocol

from taskfleet.simulation.fleet import Fleet


class Scaler(Protocol):
    name: str

    @property
    def next_look(self) -> float:
        """When it wants to look at the fleet again, in seconds of the simulation."""

    def begin(self, fleet: Fleet) -> None:
        """Set the size that the fleet had before the load came."""

    def tick(self, fleet: Fleet) -> None:
        """See the fleet as it is at `fleet.now`, change its size, move `next_look` on."""
