"""Which process starts have ended with messages in their hands. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from taskfleet.api import Object
from taskfleet.brokers.observation import Observation
from taskfleet.brokers.report import Start

# A live process reports every 2 s; what was said this long ago may come from one that is gone.
QUIET_SECONDS = 3.0
_WORKER = "worker"


@dataclass(frozen=True)
class Dead:
    """`certain`: the pod is known and its process has ended. Else the pod is unknown: ask the API server first."""

    start: Start
    certain: bool


def suspects(observation: Observation) -> bool:
    """Whether any start is quiet, so that a closer look is worth it."""
    return any(observation.at - known.moved_at > QUIET_SECONDS for known in observation.reports.values())


def dead_starts(observation: Observation, pods: Mapping[str, Object]) -> list[Dead]:
    """Quiet starts whose pod is unknown, whose container has ended, or whose pod has begun anew."""
    lively = {
        start.pod
        for start, known in observation.reports.items()
        if observation.at - known.moved_at <= QUIET_SECONDS
    }
    found = []
    for start, known in observation.reports.items():
        if observation.at - known.moved_at <= QUIET_SECONDS:
            continue
        pod = pods.get(start.pod)
        if pod is None:
            found.append(Dead(start, certain=False))
        elif start.pod in lively or not _runs(pod) or _ended_since(pod, known.report.started_at):
            found.append(Dead(start, certain=True))
    return found


def _runs(pod: Object) -> bool:
    """Whether the worker's container runs, as far as its node has said. A node that is lost says nothing new."""
    return "running" in (_worker(pod).get("state") or {})


def _ended_since(pod: Object, start: float | None) -> bool:
    """Whether a container of the worker's has ended after `start`: it was the one that started then.

    A restart is so quick that nobody may see the container between its two lives, and the next process speaks only
    when Celery is up. Both times are by the clock of the pod's node; the end is cut to whole seconds.
    """
    last = (_worker(pod).get("lastState") or {}).get("terminated") or {}
    if start is None or not last.get("finishedAt"):
        return False
    return start < datetime.fromisoformat(last["finishedAt"]).timestamp()


def _worker(pod: Object) -> Object:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return next((status for status in statuses if status["name"] == _WORKER), {})
