"""Which process starts have ended with messages in their hands. Pure."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from taskfleet.api import Object
from taskfleet.api.stored import status_of
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.lost_nodes import is_cut_off, node_name

# A live process reports every 2 s; what was said this long ago may come from one that is gone.
QUIET_SECONDS = 3.0
# Where the node says nothing either. Silence alone proves nothing: a task that keeps the interpreter to itself silences
# the report and the probes. More than what a worker takes to reconnect (30 s), than what Kubernetes takes to detect
# that a node is lost (50 s), and than the 100 s after which a worker without an answer starts no more tasks
# (taskfleet_worker/messages/fence.py).
SILENT_SECONDS = 120.0
# So soon a lost node is not yet detected: if a pod is removed before, its kubelet ends the worker. A pod that goes
# later is perhaps removed because its node is lost, and its worker may live on there.
_UNKNOWN_SECONDS = 30.0
WORKER = "worker"


@dataclass(frozen=True)
class Dead:
    """`certain`: the pod is known and its process has ended. Else the pod is unknown: ask the API server first.

    `report`: its last one, as received. `lost`: the process and its node only report nothing any more;
    the process may come back.
    """

    start: Incarnation
    certain: bool
    report: bytes = b""
    lost: bool = False


def suspects(snapshot: BrokerSnapshot) -> bool:
    """Whether any start is quiet, so that a closer check is worth it."""
    return any(snapshot.at - known.moved_at > QUIET_SECONDS for known in snapshot.reports.values())


def silent_nodes(snapshot: BrokerSnapshot, pods: Mapping[str, Object]) -> set[str]:
    """The nodes of the pods that hold messages in silence: whether one is lost is worth a question."""
    silent = {start.pod for start, known in snapshot.reports.items() if known.held_in_silence(snapshot.at)}
    return {name for pod in silent & pods.keys() if (name := node_name(pods[pod])) is not None}


def dead_workers(
    snapshot: BrokerSnapshot, pods: Mapping[str, Object], lost_nodes: Set[str] = frozenset(), *, now: datetime
) -> list[Dead]:
    """Quiet starts whose pod is unknown, whose container has ended, or whose pod has restarted; and those that have been
    silent for 120 s, which is counted while the broker answers, and whose node is lost as well.
    """
    undrained = {
        start.pod
        for start, known in snapshot.reports.items()
        if snapshot.at - known.moved_at <= QUIET_SECONDS
    }
    found = []
    for start, known in snapshot.reports.items():
        silent_for = snapshot.at - known.moved_at
        if silent_for <= QUIET_SECONDS:
            continue
        pod = pods.get(start.pod)
        if pod is None:
            if silent_for <= _UNKNOWN_SECONDS or silent_for > SILENT_SECONDS:
                found.append(Dead(start, certain=False, report=known.raw, lost=silent_for > SILENT_SECONDS))
        elif start.pod in undrained or not _runs(pod) or _ended_since(pod, known.report.started_at):
            found.append(Dead(start, certain=True, report=known.raw))
        elif silent_for > SILENT_SECONDS and is_cut_off(pod, lost_nodes, now=now):
            found.append(Dead(start, certain=True, report=known.raw, lost=True))
    return found


def _runs(pod: Object) -> bool:
    """Whether the worker's container runs, as far as its node has said. A node that is lost says nothing new."""
    return "running" in (_worker(pod).get("state") or {})


def _ended_since(pod: Object, start: float | None) -> bool:
    """Whether a container of the worker's has ended after `start`: it was the one that started then.

    A restart can be so quick that no event shows the container in between, and the next process reports only
    when Celery is up. Both times are by the clock of the pod's node; the end is cut to whole seconds.
    """
    last = (_worker(pod).get("lastState") or {}).get("terminated") or {}
    if start is None or not last.get("finishedAt"):
        return False
    return start < datetime.fromisoformat(last["finishedAt"]).timestamp()


def _worker(pod: Object) -> Object:
    statuses = status_of(pod).get("containerStatuses") or []
    return next((status for status in statuses if status["name"] == WORKER), {})
