"""Messages that dead workers held: found by their reports, requeued, and reported."""

import structlog

from taskfleet import metrics
from taskfleet.api import Broker, Key, Object
from taskfleet.api.reasons import EventReason
from taskfleet.brokers.errors import BrokerError
from taskfleet.brokers.recovery.dead_workers import SILENT_SECONDS, Dead, dead_workers, silent_nodes, suspects
from taskfleet.brokers.recovery.requeue_unacked import Requeued
from taskfleet.controllers.context import Context
from taskfleet.kube.errors import ApiError
from taskfleet.kube.event import Event, Severity

log = structlog.get_logger(__name__)

# Of pods that memory does not know, each time: a broker can name any number, and each is a call to the API server.
_ASKED_AT_ONCE = 30


async def return_lost_messages(broker: Broker, context: Context) -> None:
    """Requeue what ended process starts of this broker's pods held."""
    snapshot, recovery = context.brokers.snapshot(broker.key), context.brokers.recovery(broker.key)
    if snapshot is None or recovery is None or not suspects(snapshot):
        return
    pods = {pod["metadata"]["name"]: pod for pod in context.cache.all("Pod", broker.namespace)}
    await context.nodes.refresh(silent_nodes(snapshot, pods))
    found = dead_workers(snapshot, pods, context.nodes.lost, now=context.now())
    unknown = [dead for dead in found if not dead.certain]
    for dead in (*(dead for dead in found if dead.certain), *unknown[:_ASKED_AT_ONCE]):
        if dead.certain or await _is_gone(dead, broker.namespace, context):
            try:
                returned = await recovery.requeue_unacked(
                    dead.start,
                    report=dead.report,
                    now=context.now(),
                    lost=dead.lost or not dead.certain,
                )
            except BrokerError as error:
                log.warning("messages not requeued yet", pod=dead.start.pod, error=str(error))
                return
            await _tell(dead, returned, broker.namespace, context)
            if dead.lost and dead.certain:
                await _delete(pods[dead.start.pod], dead, context)


async def _delete(pod: Object, dead: Dead, context: Context) -> None:
    """Let its Deployment replace a pod that is lost with its node, which Kubernetes itself does after 300 s."""
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp"):
        return
    key = Key("Pod", metadata["namespace"], metadata["name"])
    try:
        await context.gateway.delete(key, uid=metadata["uid"])
    except ApiError as error:
        log.warning("cannot delete a lost pod", pod=key.name, error=error.message[:300])
        return
    if (pool := _pool_of(dead.start.pool_uid, key.namespace, context)) is not None:
        message = (
            f"Pod {key.name} has not reported for {SILENT_SECONDS:.0f} s and its node is lost. "
            "The operator deleted the pod, so that the Deployment replaces it."
        )
        event = Event(EventReason.LOST_POD_DELETED, message, Severity.WARNING)
        await context.events.record(pool, event, now=context.now())


async def _is_gone(dead: Dead, namespace: str, context: Context) -> bool:
    """Memory may lag: a pod that it does not know may just have started."""
    return await context.gateway.get(Key("Pod", namespace, dead.start.pod)) is None


async def _tell(dead: Dead, returned: Requeued, namespace: str, context: Context) -> None:
    start = dead.start
    if returned == Requeued():
        return
    log.info("requeued the messages of a dead worker", pod=start.pod, **vars(returned))
    pool = _pool_of(start.pool_uid, namespace, context)
    if pool is None:
        return
    labels = namespace, pool["metadata"]["name"]
    if returned.requeued:
        metrics.MESSAGES_REQUEUED.labels(*labels).inc(returned.requeued)
        given = context.brokers.requeued
        given[start.pool_uid] = given.get(start.pool_uid, 0) + returned.requeued
        message = (
            f"Pod {start.pod} {_ended(dead)} {returned.requeued} unacknowledged messages, which "
            "were requeued."
        )
        await context.events.record(pool, Event(EventReason.MESSAGES_REQUEUED, message), now=context.now())
    if returned.dead_lettered:
        metrics.MESSAGES_DEAD_LETTERED.labels(*labels).inc(returned.dead_lettered)
        message = (
            f"{returned.dead_lettered} messages crashed their worker more than 5 times, most "
            f"recently in pod {start.pod}, and were moved to <queue>.dead. Their results stay "
            "pending, because no worker stored a failure. List them: kubectl taskfleet dead "
            f"wp/{pool['metadata']['name']}"
        )
        await context.events.record(
            pool, Event(EventReason.MESSAGES_DEAD_LETTERED, message, Severity.WARNING), now=context.now()
        )


def _ended(dead: Dead) -> str:
    return "was lost with its node and held" if dead.lost else "ended with"


def _pool_of(uid: str, namespace: str, context: Context) -> Object | None:
    pools = context.cache.all("WorkerPool", namespace)
    return next((pool for pool in pools if pool["metadata"]["uid"] == uid), None)
