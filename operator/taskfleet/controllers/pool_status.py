"""The status of a WorkerPool, from what was seen. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from taskfleet.api import Object, WorkerPool
from taskfleet.api.reasons import ConditionType, PoolReason
from taskfleet.api.stored import condition_of, is_ready, status_of
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.recovery.lost_nodes import node_name, was_marked_unready
from taskfleet.controllers.app_beat_status import AppBeatSeen, beat_ready
from taskfleet.controllers.broker_support import pool_support
from taskfleet.controllers.conditions import Reasoned, condition, ready, reconciling, stalled
from taskfleet.controllers.pod_trouble import Trouble, alive, clean, trouble
from taskfleet.controllers.pool_claims import volumes_shared
from taskfleet.controllers.pool_figures import pool_figures
from taskfleet.controllers.pool_scaling import first_size, learning, scaling_active, scaling_limited
from taskfleet.controllers.pool_variables import variables_applied
from taskfleet.controllers.request_results import (
    FailedTasksResult,
    RequestResult,
    answer,
    failed_tasks_answer,
    requested_by,
)
from taskfleet.controllers.silence import Holder, sentence
from taskfleet.resources.worker_deployment import TEMPLATE_HASH
from taskfleet.scaling.decision_record import DecisionRecord

_NAMED_PODS = 3


@dataclass(frozen=True)
class PoolSeen:
    """A pool and what there is of it."""

    pool: WorkerPool
    deployment: Object | None = None
    decided: DecisionRecord | None = None  # by the scaling loop; None: nothing yet
    pods: list[Object] = field(default_factory=list)
    stalled: Reasoned | None = None  # only another spec helps
    missing: Reasoned | None = None  # something else must come first
    size_problem: Reasoned | None = None  # why the Deployment does not have the size that was decided on
    broker_problem: str | None = None  # why the Broker is not ready
    kept_template: bool = False  # the pods are built by another version of the operator
    runtime_version: str = ""
    snapshot: BrokerSnapshot | None = None  # of the broker; None while it does not answer
    capabilities: Capabilities | None = None  # of the broker; None: not known yet
    unread: bool = False  # nothing is known of the broker yet, so the last figures still hold
    held_in_silence: tuple[Holder, ...] = ()
    requeued: int = 0  # since the status was last written
    requeue: RequestResult | None = None  # a request that the status does not answer yet
    forgotten: RequestResult | None = None  # as `requeue`
    failed_tasks: FailedTasksResult | None = None  # as `requeue`
    single_node_claims: Mapping[str, str] = field(default_factory=dict)  # with their access modes
    beat: AppBeatSeen | None = None  # the app's own beat; None: the pool has none

    @property
    def wanted(self) -> int:
        """Pods that should consume."""
        return self.decided.verdict.pods if self.decided is not None else first_size(self.pool.spec)

    @property
    def current_pods(self) -> list[Object]:
        """The pods of the newest template. The Deployment's own figures lag behind a new template."""
        return [pod for pod in self.pods if alive(pod) and _template(pod) == _template(self.deployment)]

    @property
    def silent_pods(self) -> list[Object]:
        """The pods of the newest template that have not come up: a worker that reports is in no trouble."""
        if self.snapshot is None:
            return self.current_pods
        now, reports = self.snapshot.at, self.snapshot.reports_of(self.pool.metadata.uid)
        speaking = {name for name, known in reports.items() if not known.stale(now)}
        return [pod for pod in self.current_pods if pod["metadata"]["name"] not in speaking]

    @property
    def old_pods(self) -> list[Object]:
        """The pods that a rollout has not replaced yet."""
        return [pod for pod in self.pods if alive(pod) and _template(pod) != _template(self.deployment)]


def pool_status(seen: PoolSeen, *, now: datetime) -> Object:
    """Everything except the decisions, which the caller adds."""
    status = (seen.deployment or {}).get("status") or {}
    user = requested_by(seen.pool.metadata.annotations)
    return {
        "observedGeneration": seen.pool.metadata.generation,
        "replicas": status.get("replicas", 0),
        # Counted as for the condition: the Deployment's own figure comes a moment later, and counters wait.
        "readyReplicas": sum(is_ready(pod) for pod in seen.pods if alive(pod)),
        "desiredReplicas": seen.wanted,
        "selector": f"taskfleet.dev/pool={seen.pool.name},taskfleet.dev/component=worker",
        "worker": seen.pool.status.worker.to_object() if seen.pool.status.worker is not None else None,
        "runtimeVersion": seen.runtime_version or None,
        **({} if seen.unread else _figures(seen)),
        "requeued": (seen.pool.status.requeued or 0) + seen.requeued or None,
        **answer("lastRequeue", seen.requeue, now, user=user),
        **answer("lastForget", seen.forgotten, now, user=user),
        **failed_tasks_answer(seen.failed_tasks, now, user=user),
        "conditions": _conditions(seen, now),
    }


def _figures(seen: PoolSeen) -> Object:
    pool, recycle = seen.pool, seen.pool.spec.recycle
    return pool_figures(
        seen.snapshot,
        uid=pool.metadata.uid,
        queues=pool.queues,
        pods=seen.pods,
        needs_memory=recycle is not None and recycle.max_memory is not None,
    )


def _notes(seen: PoolSeen) -> Mapping[str, Sequence[str]] | None:
    """What pods of the newest template report, by pod; None while the broker does not answer."""
    if seen.snapshot is None:
        return None
    current = {pod["metadata"]["name"] for pod in seen.current_pods}
    reported = seen.snapshot.reports_of(seen.pool.metadata.uid)
    return {pod: known.report.notes for pod, known in reported.items() if pod in current}


def _template(obj: Object | None) -> str | None:
    """The digest of the template that a Deployment has, or that a pod was made from."""
    annotations = (obj or {}).get("metadata", {}).get("annotations") or {}
    return annotations.get(TEMPLATE_HASH)


def _conditions(seen: PoolSeen, now: datetime) -> list[Object]:
    generation = seen.pool.metadata.generation
    found = trouble(seen.silent_pods, now=now)
    stall = seen.stalled or ((found.reason, found.message) if found is not None and found.stalls else None)
    problem = _with_silence(seen, stall or seen.missing or _problem(seen, found, now))
    rollout = _rollout(seen)
    return [
        ready(False, *problem, generation=generation)
        if problem
        else ready(True, *_fine(seen), generation=generation),
        reconciling(None if stall else rollout, generation=generation),
        stalled(stall, generation=generation),
        scaling_active(seen.pool, seen.decided),
        scaling_limited(seen.pool, seen.decided, _refusal(seen.deployment), size_problem=seen.size_problem),
        _up_to_date(seen),
        *learning(seen.pool, seen.deployment),
        *pool_support(seen.pool, seen.capabilities),
        *variables_applied(seen.pool, _notes(seen)),
        *volumes_shared(seen.pool, seen.single_node_claims),
        *([beat_ready(seen.beat, now=now)] if seen.beat is not None else []),
    ]


def _with_silence(seen: PoolSeen, problem: Reasoned | None) -> Reasoned | None:
    """No pool is available, or at zero, while unresponsive pods hold messages."""
    told = sentence(seen.held_in_silence)
    if told is None:
        return problem
    if problem is None or problem[0] is PoolReason.PODS_NOT_READY:
        return PoolReason.PODS_UNRESPONSIVE, told
    return problem[0], f"{problem[1]} {told}"


def _problem(seen: PoolSeen, found: Trouble | None, now: datetime) -> Reasoned | None:
    """What keeps the pool from its wanted size, the most important first."""
    if found is not None:
        return found.reason, found.message
    if (refusal := _refusal(seen.deployment)) is not None:
        return PoolReason.POD_CREATION_FAILED, f"The API server rejects new pods: {refusal}"
    if seen.size_problem is not None:
        return seen.size_problem
    if seen.broker_problem is not None:
        return PoolReason.BROKER_NOT_READY, seen.broker_problem
    return _pods_problem(seen, now)


def _pods_problem(seen: PoolSeen, now: datetime) -> Reasoned | None:
    up = sum(map(is_ready, seen.current_pods))
    scale = seen.pool.spec.autoscale
    needed = seen.wanted if scale is None else min(seen.wanted, scale.min_replicas)  # a growing fleet works
    if up < needed:
        return PoolReason.PODS_NOT_READY, f"{up} of {needed} pods are ready; {_missing(seen, needed - up)}."
    if seen.beat is not None and (problem := seen.beat.problem(now)) is not None:
        return PoolReason.BEAT_NOT_READY, problem
    return None


def _missing(seen: PoolSeen, missing: int) -> str:
    """What the pods that are not ready do."""
    lost = [pod for pod in seen.current_pods if was_marked_unready(pod)]
    if not lost:
        return "the others are starting"
    names = ", ".join(
        f"{pod['metadata']['name']} ({node_name(pod) or 'not scheduled'})" for pod in lost[:_NAMED_PODS]
    )
    told = (
        f"the nodes of {len(lost)} do not respond, so their state is unknown until Kubernetes "
        f"deletes them: {names}"
    )
    return told if len(lost) >= missing else f"{told}; the others are starting"


def _fine(seen: PoolSeen) -> Reasoned:
    if seen.pool.spec.suspend:
        return (
            PoolReason.SUSPENDED,
            "spec.suspend is true, so the desired number of pods is 0. Set it to false to resume.",
        )
    if seen.wanted == 0:
        return PoolReason.SCALED_TO_ZERO, "Scaled to zero: the desired number of pods is 0."
    up = min(seen.wanted, sum(map(is_ready, seen.current_pods)))
    return PoolReason.AVAILABLE, f"{up} of {seen.wanted} pods are ready."


def _rollout(seen: PoolSeen) -> str | None:
    """What is being changed for this generation. A change of size alone is not a rollout."""
    if seen.deployment is None:
        return "The Deployment is being created." if seen.missing is None else None
    status = status_of(seen.deployment)
    # The second also if another client changed the template, as `kubectl rollout restart` does.
    old = max(len(seen.old_pods), status.get("replicas", 0) - status.get("updatedReplicas", 0))
    return f"{old} pods of the previous template are not replaced yet." if old else None


def _up_to_date(seen: PoolSeen) -> Object:
    if seen.kept_template:
        reason = PoolReason.POD_TEMPLATE_OUTDATED
        message = (
            "The pod template is from another version of the operator, and the pods keep it "
            "until the spec changes. To replace them now, run `kubectl taskfleet upgrade "
            f"wp/{seen.pool.name}`."
        )
    else:
        reason, message = (
            PoolReason.POD_TEMPLATE_CURRENT,
            "The pod template is from this version of the operator.",
        )
    generation = seen.pool.metadata.generation
    return condition(ConditionType.UP_TO_DATE, not seen.kept_template, reason, message, generation=generation)


def _refusal(deployment: Object | None) -> str | None:
    failure = condition_of(deployment or {}, "ReplicaFailure")
    return clean(failure.get("message", "")) if failure is not None and failure["status"] == "True" else None
