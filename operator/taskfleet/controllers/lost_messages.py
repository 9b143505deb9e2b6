"""Messages in the hands of dead workers: found by their reports, given back, and told of."""

import structlog
from redis.exceptions import RedisError

from taskfleet import metrics
from taskfleet.api import Broker, Key, Object
from taskfleet.brokers.dead_starts import Dead, dead_starts, suspects
from taskfleet.brokers.give_back import Returned, give_back
from taskfleet.brokers.observation import Layout
from taskfleet.controllers.context import Context
from taskfleet.kube.events import Event, Severity

log = structlog.get_logger(__name__)


async def return_lost_messages(broker: Broker, layout: Layout, context: Context) -> None:
    """Give back what ended process starts of this broker's pods held."""
    observation, client = context.brokers.observation(broker.key), context.brokers.client(broker.key)
    if observation is None or client is None or not suspects(observation):
        return
    pods = {pod["metadata"]["name"]: pod for pod in context.cache.all("Pod", broker.namespace)}
    for dead in dead_starts(observation, pods):
        if dead.certain or await _is_gone(dead, broker.namespace, context):
            try:
                returned = await give_back(client, layout, dead.start, now=context.now())
            except RedisError as error:
                log.warning("messages not given back yet", pod=dead.start.pod, error=type(error).__name__)
                return
            await _tell(dead, returned, broker.namespace, context)


async def _is_gone(dead: Dead, namespace: str, context: Context) -> bool:
    """Memory may lag: a pod that it does not know may just have started."""
    return await context.gateway.get(Key("Pod", namespace, dead.start.pod)) is None


async def _tell(dead: Dead, returned: Returned, namespace: str, context: Context) -> None:
    start = dead.start
    log.info("a dead worker's messages were given back", pod=start.pod, **vars(returned))
    pool = _pool_of(start.pool_uid, namespace, context)
    if pool is None:
        return
    labels = namespace, pool["metadata"]["name"]
    if returned.given_back:
        metrics.GIVEN_BACK.labels(*labels).inc(returned.given_back)
        given = context.brokers.given_back
        given[start.pool_uid] = given.get(start.pool_uid, 0) + returned.given_back
        message = f"Pod {start.pod} ended with {returned.given_back} messages; they are back in their queues."
        await context.events.record(pool, Event("MessagesGivenBack", message), now=context.now())
    if returned.set_aside:
        metrics.SET_ASIDE.labels(*labels).inc(returned.set_aside)
        message = (
            f"{returned.set_aside} messages took their process or pod with them more than 5 times, the last time pod"
            f" {start.pod}; they are in <queue>.dead. List them: kubectl taskfleet dead wp/{pool['metadata']['name']}"
        )
        await context.events.record(
            pool, Event("MessagesSetAside", message, Severity.WARNING), now=context.now()
        )


def _pool_of(uid: str, namespace: str, context: Context) -> Object | None:
    pools = context.cache.all("WorkerPool", namespace)
    return next((pool for pool in pools if pool["metadata"]["uid"] == uid), None)
