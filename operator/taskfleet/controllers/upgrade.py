"""When a pool that another operator version built may be rolled: on request only, or one pool after another. Pure."""

from collections.abc import Iterable

from taskfleet.api import Key, Object
from taskfleet.api.reasons import ConditionType, PoolReason, Reason
from taskfleet.api.stored import status_of
from taskfleet.controllers.conditions import reason_of
from taskfleet.kube.resource_types import key_of


def may_roll(pool: Key, pools: Iterable[Object], deployments: Iterable[Object], *, last: Key | None) -> bool:
    """Whether it is this pool's turn to get the template of this operator version. `last`: who got it before."""
    waiting = [key_of(raw) for raw in pools if outdated(raw) and not _stalled(raw)]
    # It was let roll, and its Deployment may not have been written yet.
    if last in waiting:
        return pool == last
    return pool == min(waiting, default=None) and not any(map(rolling, deployments))


def outdated(pool: Object) -> bool:
    """Whether the pool's status reports pods of another version."""
    return reason_of(pool, ConditionType.UP_TO_DATE) == PoolReason.POD_TEMPLATE_OUTDATED


def rolling(deployment: Object) -> bool:
    """Whether pods of a Deployment are being replaced, or its newest generation has not been observed."""
    status = status_of(deployment)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return True
    return bool(status.get("updatedReplicas", 0) < status.get("replicas", 0))


def _stalled(pool: Object) -> bool:
    """Whether only another spec helps the pool, so that the others do not wait for it."""
    return reason_of(pool, ConditionType.STALLED) not in (None, Reason.SETTLED)
