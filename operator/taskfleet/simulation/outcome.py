"""The result of a load on a fleet."""

from dataclasses import dataclass
from math import ceil

from taskfleet.simulation.fleet import Fleet

_SAMPLES = 360  # points of a curve


@dataclass(frozen=True)
class Sample:
    """A fleet at one moment."""

    at: float
    pods: int  # including terminating pods that finish their tasks
    waiting: int


@dataclass(frozen=True)
class Outcome:
    """One fleet from the first second to the last. A task that never started has waited until the end."""

    name: str
    waits: tuple[float, ...]  # seconds, sorted
    pod_seconds: float
    disturbed: int  # tasks that ran on a pod when it was removed
    killed: int  # of these, those that outlived the grace period and were restarted
    largest: int
    not_started: int
    samples: tuple[Sample, ...]

    def wait(self, share: float) -> float:
        """The wait that this share of the tasks did not exceed (nearest rank)."""
        return self.waits[max(0, ceil(share * len(self.waits)) - 1)]


class Sampler:
    """Samples a fleet at even intervals."""

    def __init__(self, duration: float) -> None:
        self._step = duration / _SAMPLES
        self._samples: list[Sample] = []

    @property
    def next_look(self) -> float:
        return len(self._samples) * self._step

    def tick(self, fleet: Fleet) -> None:
        self._samples.append(Sample(self.next_look, fleet.existing, len(fleet.waiting)))

    def outcome(self, name: str, fleet: Fleet) -> Outcome:
        arrives = fleet.workload.arrives
        waits = [fleet.began.get(task, fleet.now) - moment for task, moment in enumerate(arrives)]
        return Outcome(
            name=name,
            waits=tuple(sorted(waits)),
            pod_seconds=fleet.total_pod_seconds(),
            disturbed=fleet.disturbed,
            killed=fleet.killed,
            largest=fleet.largest,
            not_started=len(arrives) - len(fleet.began),
            samples=tuple(self._samples),
        )
