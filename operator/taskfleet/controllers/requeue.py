"""Dead letters are requeued or removed when an annotation asks for it, and the status answers."""

import structlog

from taskfleet.brokers.errors import BrokerError
from taskfleet.controllers.context import Context
from taskfleet.controllers.plan import RequeueDeadLetters
from taskfleet.controllers.request_results import RequestResult

log = structlog.get_logger(__name__)


async def requeue(wanted: RequeueDeadLetters, context: Context) -> RequestResult:
    """Move or remove the messages. Until the status has the answer, it may be repeated."""
    token, forget = wanted.request.token, wanted.request.forget
    asked = {**wanted.pool._asdict(), "requested_by": wanted.user}
    recovery = context.brokers.recovery(wanted.broker)
    if recovery is None:
        return RequestResult(token, forget=forget)
    try:
        messages = await recovery.requeue(wanted.queues, wanted.request, pool_uid=wanted.pool_uid)
    except BrokerError as error:
        log.warning("dead letters not handled yet", **asked, forget=forget, error=str(error))
        return RequestResult(token, forget=forget)
    log.info("dead letters forgotten" if forget else "dead letters requeued", **asked, messages=messages)
    return RequestResult(token, messages, forget=forget)
