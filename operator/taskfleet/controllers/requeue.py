"""Requests to requeue dead letters: an annotation asks, the status answers."""

import structlog

from taskfleet.api import Key, WorkerPool
from taskfleet.api.annotations import REQUEUE
from taskfleet.api.worker_pool import MAX_TOKEN
from taskfleet.brokers.errors import BrokerError
from taskfleet.brokers.recovery.dead_letter import Request
from taskfleet.controllers.context import Context
from taskfleet.controllers.request_results import RequestResult

log = structlog.get_logger(__name__)


def pending_request(pool: WorkerPool) -> Request | None:
    """What the annotation asks for, unless the status has the answer. Pure."""
    token, *ids = pool.metadata.annotations.get(REQUEUE, "").split() or [""]
    request = Request(token[:MAX_TOKEN], tuple(ids))
    answered = pool.status.last_requeue
    if not token or (answered is not None and answered.token == request.token):
        return None
    return request


async def handle_requeue(pool: WorkerPool, context: Context) -> RequestResult | None:
    """Move the messages; None where nothing new is asked for. Until the status has the answer, it may be repeated."""
    request = pending_request(pool)
    if request is None:
        return None
    broker = Key("Broker", pool.namespace, pool.spec.broker_ref.name)
    recovery = context.brokers.recovery(broker)
    if recovery is None:
        return RequestResult(request.token)
    queues = pool.spec.effective_queues
    try:
        messages = await recovery.requeue(queues, request, pool_uid=pool.metadata.uid)
    except BrokerError as error:
        log.warning("dead letters not requeued yet", **pool.key._asdict(), error=str(error))
        return RequestResult(request.token)
    log.info("dead letters requeued", **pool.key._asdict(), messages=messages)
    return RequestResult(request.token, messages)
