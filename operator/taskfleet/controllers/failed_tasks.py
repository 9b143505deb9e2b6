"""The failed tasks of a pool: told to callers that may write the pool, and retried or forgotten when an annotation asks.

No part of a record is stored in an object or logged.
"""

from dataclasses import asdict

import structlog

from taskfleet.api import InvalidObject, Key, Object, WorkerPool
from taskfleet.brokers.errors import BrokerError
from taskfleet.brokers.failures.failed_task import MAX_ID
from taskfleet.brokers.transport import FailedTasks
from taskfleet.controllers.context import Context
from taskfleet.controllers.plan import HandleFailedTasks
from taskfleet.controllers.questions import RefusedError
from taskfleet.controllers.request_results import FailedTasksResult

log = structlog.get_logger(__name__)

_MAX_DIGITS = 16


async def tell_failed_tasks(raw: Object, context: Context, *, before: str = "", id: str = "") -> Object:  # noqa: A002 - names of parameters
    """A page of them, the newest first, or the one with this id and its traceback, as JSON. Raises RefusedError.

    `next` is what to pass as `before` for the next page; null after the last one.
    """
    if len(id) > MAX_ID or not (before == "" or (before.isdecimal() and len(before) <= _MAX_DIGITS)):
        raise RefusedError(400, "The request is not valid: before must be a number, and id the id of a task.")
    try:
        pool = WorkerPool.parse(raw)
    except InvalidObject as error:
        raise RefusedError(409, str(error)) from None
    broker = Key("Broker", pool.namespace, pool.spec.broker_ref.name)
    failed = _failed_tasks(broker, pool, context)
    retention = pool.spec.failures.retention.total_seconds()
    try:
        if id:
            found = await failed.one(id)
            tasks = [] if found is None else [asdict(found[0]) | {"traceback": found[1]}]
            return {"tasks": tasks, "next": None}
        page = await failed.page(before=int(before) if before else None, retention=retention)
    except BrokerError as error:
        raise RefusedError(503, f"{broker} does not answer ({error}). Check its Ready condition.") from None
    return {"tasks": [asdict(task) for task in page.tasks], "next": page.next}


def _failed_tasks(broker: Key, pool: WorkerPool, context: Context) -> FailedTasks:
    """Raises RefusedError."""
    if (lacking := context.brokers.without_state(broker)) is not None:
        raise RefusedError(409, f"Failed tasks are not recorded on {lacking.name}: this requires Redis.")
    failed = context.brokers.failed_tasks(broker, pool.metadata.uid)
    if failed is None:
        raise RefusedError(503, f"{broker} has no address yet. Check its Ready condition.")
    return failed


async def handle_failed_tasks(wanted: HandleFailedTasks, context: Context) -> FailedTasksResult:
    """Retry or forget them. Until the status has the answer, it may be repeated."""
    request = wanted.request
    unanswered = FailedTasksResult(request.token, request.action)
    failed = context.brokers.failed_tasks(wanted.broker, wanted.pool_uid)
    if failed is None:
        return unanswered
    asked = {**wanted.pool._asdict(), "action": request.action, "requested_by": wanted.user}
    try:
        handled = await failed.carry_out(request, retention=wanted.retention)
    except BrokerError as error:
        log.warning("failed tasks not handled yet", **asked, error=str(error))
        return unanswered
    if handled is None:
        return unanswered
    log.info("failed tasks handled", **asked, tasks=handled.tasks)
    return FailedTasksResult(request.token, request.action, handled)
