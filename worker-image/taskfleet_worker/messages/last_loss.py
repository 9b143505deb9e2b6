"""The result of a task that was lost once too often: nobody runs it again, so whoever waits for it is told.

As Celery's `Request.on_failure` for a lost worker (celery 5.7, worker/request.py), which does this after the first
loss where `task_reject_on_worker_lost` is off: FAILURE with WorkerLostError through the app's backend, errbacks, the
chord's part, the signal and the event.
"""

from __future__ import annotations

import logging
from typing import Any

from taskfleet_worker.deliveries import LOSSES, MAX_REDELIVERIES, Delivery

logger = logging.getLogger(__name__)


def is_last(delivery: Delivery) -> bool:
    """Whether a message that is lost now will not be run again."""
    before = delivery.payload.get(LOSSES)
    return not delivery.returnable or (isinstance(before, int) and before >= MAX_REDELIVERIES)


def reason(delivery: Delivery) -> str:
    """For who waits for the result."""
    if not delivery.returnable:
        return f"Its worker was lost; queue {delivery.queue!r} does not deliver a message twice."
    return f"Its worker was lost {MAX_REDELIVERIES + 1} times. The message is in {delivery.dead!r}."


def fail(request: Any, text: str) -> None:
    """Store the failure and announce it. `request`: Celery's, of the worker's main process."""
    from billiard.einfo import ExceptionInfo
    from celery import signals
    from celery.exceptions import WorkerLostError
    from kombu.utils.encoding import safe_repr

    task = request.task
    try:
        raise WorkerLostError(text)
    except WorkerLostError as raised:
        error, info = raised, ExceptionInfo()
    try:
        task.backend.mark_as_failure(
            request.id, error, request=request._context, store_result=request.store_errors
        )
    except Exception:
        # Its message is safe, and another task's must be too.
        logger.exception("taskfleet: cannot store the failure of task %s[%s]", request.name, request.id)
    task.request_stack.push(request._context)
    try:
        signals.task_failure.send(
            sender=task, task_id=request.id, exception=error, args=request.args, kwargs=request.kwargs,
            traceback=info.traceback, einfo=info,
        )  # fmt: skip
    finally:
        task.request_stack.pop()
    request.send_event("task-failed", exception=safe_repr(error), traceback=info.traceback)
