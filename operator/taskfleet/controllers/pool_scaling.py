"""The scaling loop's decisions in a pool's status. Pure."""

from datetime import datetime

from taskfleet.api import Object, WorkerPool, WorkerPoolSpec
from taskfleet.api.base import rfc3339
from taskfleet.api.reasons import ConditionType, PoolReason
from taskfleet.api.stored import status_of
from taskfleet.api.worker_pool_status import MAX_DECISIONS
from taskfleet.controllers.conditions import Reasoned, condition
from taskfleet.controllers.pod_trouble import clean, trouble
from taskfleet.kube.event import Event, Severity
from taskfleet.resources.worker_deployment import worker_deployment_name
from taskfleet.scaling.backoff import LONGEST_SECONDS
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.learning import to_learn
from taskfleet.scaling.size import Overwritten
from taskfleet.scaling.sizing import Cause

# Reasons for which one more pod would fail as the others do. A pod without a node is none: a node may be added for it.
_STARTS_IN_VAIN = frozenset(
    {
        PoolReason.IMAGE_PULL_FAILED,
        PoolReason.IMAGE_RUNS_AS_ROOT,
        PoolReason.SECRET_MISSING,
        PoolReason.APP_FAILED,
    }
)

# What limits a size beside minReplicas and maxReplicas.
_LIMITS = {
    Cause.CANNOT_START: PoolReason.PODS_NOT_READY,
    Cause.SCALE_UP_LIMIT: PoolReason.SCALE_UP_LIMIT,
    Cause.SCALE_DOWN_LIMIT: PoolReason.SCALE_DOWN_LIMIT,
}

_WAY_OUT = (
    "Remove the client that scales the Deployment, such as a HorizontalPodAutoscaler, and set "
    "spec.replicas or spec.autoscale of the WorkerPool instead."
)


def first_size(spec: WorkerPoolSpec) -> int:
    """Pods of a Deployment that is being created, before anything was decided."""
    if spec.fixed_size is not None:
        return spec.fixed_size
    return spec.autoscale.min_replicas if spec.autoscale is not None else 1


def start_obstacle(current_pods: list[Object], *, now: datetime) -> str | None:
    """Why new pods do not come up, if it is something that all of them would meet."""
    found = trouble(current_pods, now=now)
    return found.message if found is not None and found.reason in _STARTS_IN_VAIN else None


def new_decision(raw: Object, decided: DecisionRecord | None, *, now: datetime) -> Object | None:
    """The decision for the status, if it differs from the one that the status has. `decided` is as it was made."""
    if decided is None or decided.verdict.cause is Cause.BROKER_UNREACHABLE:
        return None
    last = status_of(raw).get("lastDecision") or {}
    verdict = decided.verdict
    told = (last.get("to"), last.get("reason")) == (verdict.pods, verdict.cause.value)
    if told:
        return None
    before = decided.load.replicas if last else 0
    if last and before == verdict.pods:  # written by an operator that died before it reported it
        before = last.get("to", before)
    reason, message = verdict.cause.value, verdict.sentence
    return {"time": rfc3339(now), "from": before, "to": verdict.pods, "reason": reason, "message": message}


def with_decision(raw: Object, decision: Object) -> Object:
    """The fields of the status that tell of a new decision: it and those before it."""
    before = status_of(raw).get("decisions") or []
    return {"lastDecision": decision, "decisions": [*before, decision][-MAX_DECISIONS:]}


def scaling_active(pool: WorkerPool, decided: DecisionRecord | None) -> Object:
    """Whether the size follows the demand."""
    holds, why = _active(pool, decided)
    return condition(ConditionType.SCALING_ACTIVE, holds, *why, generation=pool.metadata.generation)


def _active(pool: WorkerPool, decided: DecisionRecord | None) -> tuple[bool, Reasoned]:
    spec = pool.spec
    if spec.suspend:
        return False, (PoolReason.SUSPENDED, "spec.suspend is true, so the pool is not scaled.")
    if spec.autoscale is None:
        size = "1 pod is the default" if spec.replicas is None else f"spec.replicas is {spec.replicas}"
        return False, (PoolReason.FIXED_SIZE, f"{size}. Set spec.autoscale instead to scale with the queues.")
    if decided is None or decided.verdict.cause is Cause.BROKER_UNREACHABLE:
        message = "The queues cannot be read, so the pool keeps its size. Check the Broker's Ready condition."
        return False, (PoolReason.BROKER_UNREACHABLE, message)
    if spec.autoscale.mode != "Auto":
        return False, (
            PoolReason.SCALING_DISABLED,
            f"autoscale.mode is {spec.autoscale.mode}: {decided.verdict.sentence}",
        )
    return True, (PoolReason.FOLLOWS_DEMAND, decided.verdict.sentence)


def learning(pool: WorkerPool, deployment: Object | None) -> list[Object]:
    """Whether a pod has yet to tell what the spec leaves to the app; no condition where it leaves nothing."""
    if not pool.learns or deployment is None:
        return []
    missing = to_learn(pool, deployment)
    if missing is None:
        reason, message = (
            PoolReason.WORKER_REPORTED,
            "A pod has reported what the spec leaves to the app: status.worker.",
        )
    else:
        reason = PoolReason.NO_WORKER_REPORTED
        message = f"No pod of these settings has reported {missing} yet."
        if pool.spec.fixed_size is None:
            message += " One starts; to start none, set spec.queues and spec.concurrency."
    generation = pool.metadata.generation
    return [condition(ConditionType.LEARNING, missing is not None, reason, message, generation=generation)]


def scaling_limited(
    pool: WorkerPool,
    decided: DecisionRecord | None,
    refusal: str | None,
    *,
    size_problem: Reasoned | None = None,
) -> Object:
    """Whether the demand asks for another size than a limit allows, or than anybody lets the operator set."""
    why = size_problem or _limit(decided, refusal)
    holds = why is not None
    reason, message = why or (PoolReason.DESIRED_WITHIN_RANGE, "Within minReplicas and maxReplicas.")
    return condition(
        ConditionType.SCALING_LIMITED, holds, reason, message, generation=pool.metadata.generation
    )


def size_problem(pool: WorkerPool, refusal: str | None, contested: Overwritten | None) -> Reasoned | None:
    """Why the Deployment does not have, or does not keep, the size that was decided on."""
    if refusal is not None:
        said = f"The desired size cannot be set, and the operator retries: {clean(refusal)}"
        return PoolReason.SCALE_FAILED, said
    if contested is None:
        return None
    name, by = worker_deployment_name(pool), contested.writer
    return PoolReason.REPLICAS_OVERWRITTEN, (
        f"{by} repeatedly changes the replicas of Deployment {name!r}, most recently to "
        f"{contested.found} at {by.time}. The operator restores {contested.ours} after a growing "
        f"delay of up to {LONGEST_SECONDS:.0f} s. {_WAY_OUT}"
    )


def overwritten_event(pool: WorkerPool, overwritten: Overwritten) -> Event:
    """The same for the same writer, so that repetitions are counted."""
    name = worker_deployment_name(pool)
    message = (
        f"{overwritten.writer} changed the replicas of Deployment {name!r}, and the operator restored "
        f"them. {_WAY_OUT}"
    )
    return Event(PoolReason.REPLICAS_OVERWRITTEN, message, Severity.WARNING)


def _limit(decided: DecisionRecord | None, refusal: str | None) -> Reasoned | None:
    if refusal is not None:
        return PoolReason.POD_CREATION_FAILED, f"The API server rejects new pods: {refusal}"
    if decided is None or decided.verdict.want is None:
        return None
    verdict, want = decided.verdict, decided.verdict.want
    if (reason := _LIMITS.get(verdict.cause)) is not None:
        return reason, verdict.sentence
    if want.unlimited > decided.load.limits.most:
        return PoolReason.TOO_MANY_REPLICAS, verdict.sentence
    if want.unlimited < decided.load.limits.least:
        return PoolReason.TOO_FEW_REPLICAS, verdict.sentence
    return None
