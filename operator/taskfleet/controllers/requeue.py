"""Dead letters that somebody wants back in their queues: asked for by an annotation, answered in status."""

from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from taskfleet.api import Key, WorkerPool
from taskfleet.api.annotations import REQUEUE
from taskfleet.api.worker_pool import MAX_TOKEN
from taskfleet.brokers.dead_letters import Request, requeue
from taskfleet.controllers.context import Context

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RequeueResult:
    """A wish that the status does not answer yet. `messages` moved so far; None: the broker does not answer."""

    token: str
    messages: int | None


def wish(pool: WorkerPool) -> Request | None:
    """What the annotation asks for, unless the status has the answer. Pure."""
    token, *ids = pool.metadata.annotations.get(REQUEUE, "").split() or [""]
    request = Request(token[:MAX_TOKEN], tuple(ids))
    answered = pool.status.last_requeue
    if not token or (answered is not None and answered.token == request.token):
        return None
    return request


async def requeue_as_wished(pool: WorkerPool, context: Context) -> RequeueResult | None:
    """Move the messages; None where nothing new is asked for. Until the status has the answer, it may be repeated."""
    request = wish(pool)
    if request is None:
        return None
    broker = Key("Broker", pool.namespace, pool.spec.broker_ref.name)
    offers = context.brokers.offers(broker)
    if offers is not None and not offers.state:
        return RequeueResult(request.token, 0)  # nothing is ever set aside there
    client, layout = context.brokers.client(broker), context.brokers.layout(broker)
    if client is None or layout is None:
        return RequeueResult(request.token, None)
    try:
        queues = pool.spec.effective_queues
        messages = await requeue(client, layout, queues, request, pool_uid=pool.metadata.uid)
    except RedisError as error:
        log.warning("dead letters not moved yet", **pool.key._asdict(), error=type(error).__name__)
        return RequeueResult(request.token, None)
    log.info("dead letters were moved back", **pool.key._asdict(), messages=messages)
    return RequeueResult(request.token, messages)
