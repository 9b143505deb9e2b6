"""The last decisions about a pool's size with their inputs, for callers that may read the pool."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from taskfleet.api import InvalidObject, Object, WorkerPool
from taskfleet.api.base import rfc3339
from taskfleet.controllers.context import Context
from taskfleet.controllers.questions import RefusedError
from taskfleet.kube.resource_types import key_of
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.load import PodState
from taskfleet.scaling.sizing import Cause

_BEHAVIOR = {
    Cause.SCALE_UP_STABILIZED: "behavior.scaleUp",
    Cause.SCALE_UP_LIMIT: "behavior.scaleUp",
    Cause.SCALE_DOWN_LIMIT: "behavior.scaleDown",
}


async def tell_decisions(raw: Object, context: Context) -> Object:
    """Decisions, the oldest first; there are never more than the scaling loop remembers. Raises RefusedError."""
    pool = key_of(raw)
    try:
        spec = WorkerPool.parse(raw).spec
    except InvalidObject as error:
        raise RefusedError(409, str(error)) from None
    mode = spec.autoscale.mode if spec.autoscale is not None and not spec.suspend else "Auto"
    began = context.now() - timedelta(seconds=time.monotonic())
    return {"mode": mode, "decisions": decisions(context.scaling.history(pool), began=began)}


def decisions(history: Sequence[DecisionRecord], *, began: datetime) -> list[Object]:
    """As JSON; `began` is the time at which the clock of the decisions stood at 0."""
    return [_decision(decided, began + timedelta(seconds=decided.at)) for decided in history]


def _decision(decided: DecisionRecord, time: datetime) -> Object:
    load, verdict = decided.load, decided.verdict
    return {
        "time": rfc3339(time),
        "from": load.replicas,
        "to": verdict.pods,
        "waiting": load.waiting,
        "running": load.running,
        "heldBack": load.held_back,
        "starting": load.starting,
        "draining": len(load.of(PodState.DRAINING)) + len(load.of(PodState.DRAINED)),
        "capacity": load.limits.capacity,
        "want": verdict.want.unlimited if verdict.want is not None else None,
        "limit": _limit(decided),
        "reason": verdict.cause.value,
        "message": verdict.sentence,
    }


def _limit(decided: DecisionRecord) -> str | None:
    """The field of the spec that limits what the load requires."""
    if (field := _BEHAVIOR.get(decided.verdict.cause)) is not None:
        return field
    want, limits = decided.verdict.want, decided.load.limits
    if want is None or limits.least <= want.unlimited <= limits.most:
        return None
    return f"maxReplicas {limits.most}" if want.unlimited > limits.most else f"minReplicas {limits.least}"
