"""A pool as its queues know it: whether it takes what comes, and if not, why. Pure."""

from taskfleet.api import Object, WorkerPool
from taskfleet.api.reasons import ConditionType, PoolReason, Reason
from taskfleet.api.stored import condition_of
from taskfleet.brokers.queues.consumers import PoolConsumer

# Ready=False, and yet nothing keeps its workers from what waits for long.
_PASSING = (
    Reason.PROGRESSING,
    PoolReason.PODS_NOT_READY,
    PoolReason.BROKER_NOT_READY,
    PoolReason.BEAT_NOT_READY,
    PoolReason.PODS_UNRESPONSIVE,
)


def pool_consumer(raw: Object, pool: WorkerPool) -> PoolConsumer:
    queues = pool.queues
    return PoolConsumer(pool.metadata.uid, queues, stopped=_stopped(pool), trouble=_trouble(raw))


def _stopped(pool: WorkerPool) -> str | None:
    """What of the spec keeps it from having pods."""
    spec = pool.spec
    if spec.suspend:
        return "is suspended; set spec.suspend to false"
    if spec.fixed_size == 0:
        return "has spec.replicas 0; raise it"
    if spec.autoscale is not None and spec.autoscale.max_replicas == 0:
        return "has spec.autoscale.maxReplicas 0; raise it"
    return None


def _trouble(raw: Object) -> str | None:
    verdict = condition_of(raw, ConditionType.READY)
    if verdict is None or verdict["status"] == "True" or verdict["reason"] in _PASSING:
        return None
    return f"is not ready ({verdict['reason']})"
