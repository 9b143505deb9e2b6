"""celery.worker.request.Request: how a task's message is settled, and which tasks were lost with their process."""

from __future__ import annotations

from typing import Any

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages import last_loss


def install(deliveries: Deliveries) -> None:
    """Wrap `on_failure`, `acknowledge` and `reject`."""
    from celery.exceptions import WorkerLostError
    from celery.worker.request import Request

    failed, acknowledge, reject = Request.on_failure, Request.acknowledge, Request.reject

    def on_failure(request: Any, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt)):
            deliveries.lost.add(request.message.delivery_tag)
        return failed(request, exc_info, *args, **kwargs)

    def acknowledge_or_note(request: Any) -> None:
        # Celery leaves it to the consumer's loop, which may not come round any more.
        if not request.acknowledged and request.message.delivery_tag in deliveries.held:
            deliveries.settling.add(request.message.delivery_tag)
        acknowledge(request)

    def reject_or_fail(request: Any, requeue: bool = False) -> None:
        tag = request.message.delivery_tag
        delivery = deliveries.held.get(tag) if tag in deliveries.lost else None
        last = requeue and not request.acknowledged and delivery is not None and last_loss.is_last(delivery)
        text = last_loss.reason(delivery) if delivery is not None else ""
        reject(request, requeue)
        if last:
            last_loss.fail(request, text)

    Request.on_failure, Request.acknowledge = on_failure, acknowledge_or_note
    Request.reject = reject_or_fail
