"""From pods and their reports to the inputs of a decision. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from taskfleet.api import Object
from taskfleet.api.stored import condition_of, is_ready, is_terminating, size_of, status_of
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.resources.worker_container import CONTAINER as WORKER
from taskfleet.scaling.load import PodLoad, PodState

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
FIRST_TO_GO = "-2147483647"  # ReplicaSet controller: among unready pods the lowest cost goes first
_ACKNOWLEDGED_WITHIN_SECONDS = 5.0
_ASKED_WITHIN_SECONDS = 20.0  # a request lasts 30 s at the broker


@dataclass(frozen=True)
class Lease:
    """A pod was asked to drain: the number that its report must name, and when the request was last renewed."""

    number: int
    renewed_at: float


@dataclass(frozen=True)
class Look:
    """The time of a decision, and the time when the broker was polled for its reports."""

    now: float
    reports_asked_at: float = float("-inf")
    settled: bool = True  # no ReplicaSet has pods left to delete
    ready_since: Mapping[str, float] = field(default_factory=dict)  # when each ready pod was first seen so

    def may_report_later(self, pod: str) -> bool:
        """Whether the reports are older than the news that this pod is ready, which says nothing about its work."""
        if self.reports_asked_at == float("-inf"):
            return False
        return self.reports_asked_at < self.ready_since.get(pod, float("-inf"))

    def starts_drained(self, lease: Lease | None) -> bool:
        """Whether a pod without a report sees this request before it fetches: it reads it before its first report."""
        if lease is None:
            return False
        return (
            lease.renewed_at < self.reports_asked_at and self.now - lease.renewed_at < _ASKED_WITHIN_SECONDS
        )


def pod_loads(
    pods: Iterable[Object], reports: Mapping[str, LastReport], leases: Mapping[str, Lease], look: Look
) -> tuple[PodLoad, ...]:
    """Every pod that is not being deleted. Reports of unknown pods are ignored."""
    loads = (
        _load(pod, reports.get(pod["metadata"]["name"]), leases.get(pod["metadata"]["name"]), look)
        for pod in pods
        if not _going(pod)
    )
    return tuple(loads)


def is_settled(deployment: Object, pods: Iterable[Object]) -> bool:
    """Whether the Deployment's size has reached its ReplicaSet and no pod is left for that to delete.

    During a rollout there are more pods than the size, so only the first half is asked.
    """
    generation = deployment["metadata"].get("generation")
    seen = status_of(deployment).get("observedGeneration")
    if generation is not None and seen is not None and seen < generation:
        return False
    return rolling(deployment) or sum(not _going(pod) for pod in pods) <= size_of(deployment)


def rolling(deployment: Object) -> bool:
    """Whether a rollout is under way and within its deadline."""
    status, progressing = status_of(deployment), condition_of(deployment, "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return False
    return bool(status.get("updatedReplicas", 0) < status.get("replicas", 0))


def ignoring_sigterm(pods: Iterable[Object], reports: Mapping[str, LastReport], *, now: float) -> list[str]:
    """Deleted pods whose workers do not say that they stop.

    Python needs some milliseconds before it can have a handler, and PID 1 ignores what it has no handler for: a TERM
    of the kubelet's that comes in that time is lost.
    """
    return [
        name
        for pod in pods
        if is_terminating(pod)
        and (known := reports.get(name := pod["metadata"]["name"])) is not None
        and known.report.state != "stopping"
        and not known.stale(now)
    ]


def _going(pod: Object) -> bool:
    ended = status_of(pod).get("phase") in ("Succeeded", "Failed")
    return ended or is_terminating(pod)


def _load(pod: Object, known: LastReport | None, lease: Lease | None, look: Look) -> PodLoad:
    name, ready, now = pod["metadata"]["name"], is_ready(pod), look.now
    marked = is_marked(pod)
    owed = marked and not look.settled
    if known is None:
        # A pod that says nothing may be busy once it was ready; one that never was holds no work.
        # The watch can be ahead of the reports: what a new pod works on would count as waiting and as running.
        starting = not (ready or _was_ready(pod)) or look.may_report_later(name)
        return PodLoad(
            name,
            PodState.STARTING if starting else PodState.CONSUMING,
            stale=not starting,
            marked=marked,
            asked=lease is not None,
            removable=starting and marked and look.starts_drained(lease),
            pending=status_of(pod).get("phase") == "Pending",
            unready=not ready,
            owed=owed,
        )
    report = known.report
    obeyed = lease.number if lease is not None else report.drain
    state = PodState.CONSUMING
    if obeyed is not None or report.state == "stopping":
        fresh = now - known.moved_at <= _ACKNOWLEDGED_WITHIN_SECONDS
        drained = report.state == "drained" and report.drain == obeyed and fresh
        state = PodState.DRAINED if drained else PodState.DRAINING
    return PodLoad(
        name,
        state,
        active=report.active,
        prefetched=report.prefetched,
        stale=known.stale(now),
        marked=marked,
        held_back=report.eta + report.limited,
        asked=lease is not None,
        stopping=report.state == "stopping",
        unready=not ready,
        owed=owed,
        removable=state is PodState.DRAINED and not ready and marked,
    )


def _was_ready(pod: Object) -> bool:
    """Whether a pod that is not ready has been, since its worker started: a lost connection makes a busy one unready.

    A pod that never was ready has its condition from before its container started:
    https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
    """
    since = (condition_of(pod, "Ready") or {}).get("lastTransitionTime")
    containers = status_of(pod).get("containerStatuses") or []
    worker: Object = next((one for one in containers if one["name"] == WORKER), {})
    started = ((worker.get("state") or {}).get("running") or {}).get("startedAt")
    return bool(since and started and since > started)  # in one form, and of one clock


def is_marked(pod: Object) -> bool:
    return (pod["metadata"].get("annotations") or {}).get(DELETION_COST) == FIRST_TO_GO
