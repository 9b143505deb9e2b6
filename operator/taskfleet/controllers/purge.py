"""The purge of a queue: once for each value of `spec.purge`."""

import structlog

from taskfleet.brokers.errors import BrokerError
from taskfleet.controllers.context import Context
from taskfleet.controllers.plan import PurgeQueue
from taskfleet.controllers.request_results import RequestResult

log = structlog.get_logger(__name__)


async def purge(wanted: PurgeQueue, context: Context) -> RequestResult:
    """Remove the messages, or try again later."""
    broker, queue, token = wanted.broker, wanted.queue, wanted.token
    try:
        messages = await context.brokers.purge(broker, queue, token=token, owner_uid=wanted.uid)
    except BrokerError as error:
        log.warning("queue not purged yet", **wanted.task_queue._asdict(), error=str(error))
        return RequestResult(token)
    if messages is not None:
        context.brokers.board.purged(broker, queue, messages)
        log.info("queue purged", **wanted.task_queue._asdict(), messages=messages, requested_by=wanted.user)
    return RequestResult(token, messages)
