"""The status of a WorkerPool, from what was seen. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from taskfleet.api import Object, WorkerPool
from taskfleet.api.reasons import ConditionType, PoolReason, Reason
from taskfleet.brokers.observation import Observation
from taskfleet.controllers.conditions import condition, ready, reconciling, stalled
from taskfleet.controllers.pod_trouble import Trouble, alive, clean, is_ready, trouble
from taskfleet.controllers.pool_figures import pool_figures
from taskfleet.controllers.requeue import Requeued
from taskfleet.resources.worker_deployment import TEMPLATE_HASH
from taskfleet.scaling.decision import Size

Why = tuple[StrEnum, str]


@dataclass(frozen=True)
class PoolSeen:
    """A pool and what there is of it."""

    pool: WorkerPool
    size: Size
    deployment: Object | None = None
    size_before: int = 0  # of the Deployment as it was found
    pods: list[Object] = field(default_factory=list)
    stalled: Why | None = None  # only another spec helps
    missing: Why | None = None  # something else has to come first, or a feature is not built
    broker_problem: str | None = None  # why the Broker is not ready
    kept_template: bool = False  # the pods are built by another version of the operator
    runtime_version: str = ""
    observation: Observation | None = None  # of the broker; None while it does not answer
    given_back: int = 0  # since the status was last written
    requeued: Requeued | None = None  # a wish that the status does not answer yet

    @property
    def current_pods(self) -> list[Object]:
        """The pods of the newest template. The Deployment's own figures lag behind a new template."""
        return [pod for pod in self.pods if alive(pod) and _template(pod) == _template(self.deployment)]

    @property
    def old_pods(self) -> list[Object]:
        """The pods that a rollout still has to replace."""
        return [pod for pod in self.pods if alive(pod) and _template(pod) != _template(self.deployment)]


def pool_status(seen: PoolSeen, *, now: datetime) -> Object:
    """Everything but lastDecision, which whoever decides adds."""
    status = (seen.deployment or {}).get("status") or {}
    return {
        "observedGeneration": seen.pool.metadata.generation,
        "replicas": status.get("replicas", 0),
        "readyReplicas": status.get("readyReplicas", 0),
        "desiredReplicas": seen.size.replicas,
        "selector": f"taskfleet.dev/pool={seen.pool.name},app.kubernetes.io/component=worker",
        "runtimeVersion": seen.runtime_version or None,
        **pool_figures(
            seen.observation,
            uid=seen.pool.metadata.uid,
            queues=seen.pool.spec.effective_queues,
            pods=seen.pods,
        ),
        "givenBack": (seen.pool.status.given_back or 0) + seen.given_back or None,
        **_last_requeue(seen, now),
        "conditions": _conditions(seen, now),
    }


def _last_requeue(seen: PoolSeen, now: datetime) -> Object:
    """The answer to a new wish; without one the last answer stays as it is."""
    if seen.requeued is None or seen.requeued.messages is None:
        return {}
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"lastRequeue": {"time": time, **vars(seen.requeued)}}


def _template(obj: Object | None) -> str | None:
    """The digest of the template that a Deployment has, or that a pod was made from."""
    annotations = (obj or {}).get("metadata", {}).get("annotations") or {}
    return annotations.get(TEMPLATE_HASH)


def _conditions(seen: PoolSeen, now: datetime) -> list[Object]:
    generation = seen.pool.metadata.generation
    found = trouble(seen.current_pods, now=now)
    stall = seen.stalled or ((found.reason, found.message) if found is not None and found.stalls else None)
    problem = stall or seen.missing or _problem(seen, found)
    rollout = _rollout(seen)
    return [
        ready(False, *problem, generation=generation)
        if problem
        else ready(True, *_fine(seen), generation=generation),
        reconciling(None if stall else rollout, generation=generation),
        stalled(stall, generation=generation),
        _scaling_active(seen),
        _scaling_limited(seen),
        _up_to_date(seen),
    ]


def _problem(seen: PoolSeen, found: Trouble | None) -> Why | None:
    """What keeps the pool from its wanted size, the most telling first."""
    if found is not None:
        return found.reason, found.message
    if (refusal := _refusal(seen.deployment)) is not None:
        return PoolReason.PODS_REFUSED, f"The API server refuses new pods: {refusal}"
    if seen.broker_problem is not None:
        return PoolReason.BROKER_NOT_READY, seen.broker_problem
    up = sum(map(is_ready, seen.current_pods))
    if up < seen.size.replicas:
        return (
            PoolReason.PODS_NOT_READY,
            f"{up} of {seen.size.replicas} pods are ready; the others are starting.",
        )
    return None


def _fine(seen: PoolSeen) -> Why:
    if seen.pool.spec.suspend:
        return PoolReason.SUSPENDED, "spec.suspend is true: no pod is wanted. Set it to false to go on."
    if seen.size.replicas == 0:
        return PoolReason.AT_ZERO, "No pod is wanted."
    return PoolReason.AVAILABLE, f"{seen.size.replicas} of {seen.size.replicas} pods are ready."


def _rollout(seen: PoolSeen) -> str | None:
    """What is being changed for this generation. A change of size alone is not a rollout."""
    if seen.deployment is None:
        return "The Deployment is being created." if seen.missing is None else None
    old = len(seen.old_pods)
    return f"{old} pods of the previous template are still to be replaced." if old else None


def _scaling_active(seen: PoolSeen) -> Object:
    if seen.pool.spec.suspend:
        why: Why = PoolReason.SUSPENDED, "spec.suspend is true, so nothing scales."
    elif seen.pool.spec.autoscale is not None:
        why = Reason.NOT_IMPLEMENTED, seen.size.message
    else:
        why = PoolReason.FIXED_SIZE, f"{seen.size.message} Set spec.autoscale instead to follow the queues."
    return condition(ConditionType.SCALING_ACTIVE, False, *why, generation=seen.pool.metadata.generation)


def _scaling_limited(seen: PoolSeen) -> Object:
    refusal = _refusal(seen.deployment)
    reason = PoolReason.WITHIN_LIMITS if refusal is None else PoolReason.PODS_REFUSED
    message = "No limit is in the way." if refusal is None else f"The API server refuses new pods: {refusal}"
    generation = seen.pool.metadata.generation
    return condition(
        ConditionType.SCALING_LIMITED, refusal is not None, reason, message, generation=generation
    )


def _up_to_date(seen: PoolSeen) -> Object:
    if seen.kept_template:
        reason = PoolReason.BUILT_BY_ANOTHER_VERSION
        message = (
            "The pods were built by another version of the operator and are kept as they are until the spec changes."
            f" `kubectl taskfleet upgrade wp/{seen.pool.name}` replaces them in turn."
        )
    else:
        reason, message = (
            PoolReason.BUILT_BY_THIS_VERSION,
            "The pods are built as this version of the operator does.",
        )
    generation = seen.pool.metadata.generation
    return condition(ConditionType.UP_TO_DATE, not seen.kept_template, reason, message, generation=generation)


def _refusal(deployment: Object | None) -> str | None:
    for stored in ((deployment or {}).get("status") or {}).get("conditions") or []:
        if stored["type"] == "ReplicaFailure" and stored["status"] == "True":
            return clean(stored.get("message", ""))
    return None
