"""Who reads which queues of a broker, and whose figures have changed since they were told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from taskfleet.api import Key
from taskfleet.brokers.observation import Observation


@dataclass(frozen=True)
class PoolReader:
    """A pool as its broker knows it."""

    uid: str
    queues: tuple[str, ...]


Figures = tuple[object, ...]


def figures(observation: Observation, readers: Mapping[Key, PoolReader]) -> dict[Key, Figures]:
    """What of the observation a pool's status shows, to be compared with the last time."""
    return {key: _figures(observation, reader) for key, reader in readers.items()}


def _figures(observation: Observation, reader: PoolReader) -> Figures:
    waiting = sum(observation.total(queue) for queue in reader.queues)
    reports = {pod: known.report for pod, known in observation.reports_of(reader.uid).items()}
    pods = ((pod, r.state, r.active, r.prefetched, r.notes) for pod, r in sorted(reports.items()))
    dead = sum(observation.dead_letters.get(queue, 0) for queue in reader.queues)
    return (waiting, dead, *pods)
