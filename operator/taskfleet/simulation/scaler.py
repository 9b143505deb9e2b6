"""What decides the size of a simulated fleet."""

from typing import Protocol

from taskfleet.simulation.fleet import Fleet


class Scaler(Protocol):
    name: str

    @property
    def next_look(self) -> float:
        """When to call `look` next, in seconds of the simulation."""

    def begin(self, fleet: Fleet) -> None:
        """Set the size that the fleet had before the load came."""

    def tick(self, fleet: Fleet) -> None:
        """Change the size of the fleet at `fleet.now`, and set `next_look`."""
