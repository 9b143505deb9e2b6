"""Who reads which queues of a broker, and whose figures have changed since they were told. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from taskfleet.api import Key
from taskfleet.brokers.observation import Observation
from taskfleet.brokers.report import Report


@dataclass(frozen=True)
class PoolReader:
    """A pool as its broker knows it."""

    uid: str
    queues: tuple[str, ...]


Figures = tuple[object, ...]


def reports_by_pool(observation: Observation) -> dict[str, dict[str, Report]]:
    """Pool uid -> pod -> its report; of several starts of one pod that which moved last."""
    newest: dict[str, dict[str, tuple[float, Report]]] = defaultdict(dict)
    for start, known in observation.reports.items():
        pods = newest[start.pool_uid]
        if start.pod not in pods or known.moved_at > pods[start.pod][0]:
            pods[start.pod] = (known.moved_at, known.report)
    return {uid: {pod: report for pod, (_, report) in pods.items()} for uid, pods in newest.items()}


def figures(observation: Observation, readers: Mapping[Key, PoolReader]) -> dict[Key, Figures]:
    """What of the observation a pool's status shows, to be compared with the last time."""
    reports = reports_by_pool(observation)
    return {
        key: _figures(observation, reader, reports.get(reader.uid, {})) for key, reader in readers.items()
    }


def _figures(observation: Observation, reader: PoolReader, reports: Mapping[str, Report]) -> Figures:
    waiting = sum(observation.total(queue) for queue in reader.queues)
    pods = ((pod, r.state, r.active, r.prefetched, r.notes) for pod, r in sorted(reports.items()))
    dead = sum(observation.dead_letters.get(queue, 0) for queue in reader.queues)
    return (waiting, dead, *pods)
