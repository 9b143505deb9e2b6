"""Dead letters are requeued when an annotation asks for it, and the status answers."""

import structlog

from taskfleet.brokers.errors import BrokerError
from taskfleet.controllers.context import Context
from taskfleet.controllers.plan import RequeueDeadLetters
from taskfleet.controllers.request_results import RequestResult

log = structlog.get_logger(__name__)


async def requeue(wanted: RequeueDeadLetters, context: Context) -> RequestResult:
    """Move the messages. Until the status has the answer, it may be repeated."""
    token = wanted.request.token
    recovery = context.brokers.recovery(wanted.broker)
    if recovery is None:
        return RequestResult(token)
    try:
        messages = await recovery.requeue(wanted.queues, wanted.request, pool_uid=wanted.pool_uid)
    except BrokerError as error:
        log.warning("dead letters not requeued yet", **wanted.pool._asdict(), error=str(error))
        return RequestResult(token)
    log.info("dead letters requeued", **wanted.pool._asdict(), messages=messages)
    return RequestResult(token, messages)
