"""celery.worker.request.Request: how a task's message is settled, which tasks were lost with their process, and how every
other task has ended that has not succeeded.

A success is seen where the pool hands it over (pool_calls.py).
"""

from __future__ import annotations

from typing import Any, Callable

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages import last_loss
from taskfleet_worker.pool.outcomes import Outcomes


def install(deliveries: Deliveries, outcomes: Outcomes) -> None:
    """Wrap `on_failure`, `acknowledge` and `reject`, and what announces other ends."""
    from celery.exceptions import WorkerLostError
    from celery.worker.request import Request

    failed, acknowledge, reject = Request.on_failure, Request.acknowledge, Request.reject

    def on_failure(request: Any, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
        error = error_in(exc_info)
        if not isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt)):
            _note_end(outcomes, request, error, exc_info)
            return failed(request, exc_info, *args, **kwargs)
        deliveries.lost.add(request.message.delivery_tag)
        try:
            return failed(request, exc_info, *args, **kwargs)
        finally:  # unless it goes back, was terminated or had succeeded: that is known by now
            outcomes.failed(request, WorkerLostError(str(error)))

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
        if requeue and not last and not request.acknowledged:
            outcomes.interrupted(request)
        if last and delivery is not None and delivery.returnable:
            outcomes.dead_lettered(request)
        reject(request, requeue)
        if last:
            last_loss.fail(request, text)

    Request.on_failure, Request.acknowledge = on_failure, acknowledge_or_note
    Request.reject = reject_or_fail
    _watch_other_ends(Request, outcomes)


def error_in(exc_info: Any) -> BaseException:
    """What a task has raised, out of billiard's wrapper. Celery's Retry has an `exc` too, which is its cause."""
    from billiard.einfo import ExceptionWithTraceback

    error: BaseException = exc_info.exception
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def _note_end(outcomes: Outcomes, request: Any, error: BaseException, exc_info: Any) -> None:
    """Of a task that raised `error`. One that was terminated is announced as revoked or cancelled."""
    from billiard.exceptions import Terminated
    from celery.exceptions import Ignore, Reject, Retry

    for kind, outcome in ((Reject, "rejected"), (Ignore, "ignored"), (Retry, "retried")):
        if isinstance(error, kind):
            outcomes.ended(request, outcome)
            return
    if not isinstance(error, Terminated):
        outcomes.failed(request, error, str(exc_info.traceback or ""))


def _watch_other_ends(request_class: Any, outcomes: Outcomes) -> None:
    """Time limits, revokes, and from Celery 5.7 on what its `on_failure` makes of a lost worker."""
    from billiard.exceptions import TimeLimitExceeded

    timed_out = request_class.on_timeout

    def on_timeout(request: Any, soft: bool, timeout: Any) -> Any:
        if not soft:
            outcomes.failed(request, TimeLimitExceeded(timeout))
        return timed_out(request, soft, timeout)

    def revoked(request: Any, _reason: Any, _terminated: Any, _signal: Any, expired: bool) -> None:
        outcomes.ended(request, "expired" if expired else "revoked")

    def cancelled(request: Any, *_: Any, **__: Any) -> None:
        outcomes.interrupted(request)

    request_class.on_timeout = on_timeout
    _before(request_class, "_announce_revoked", revoked)
    _before(request_class, "_announce_cancelled", cancelled)
    _if_true(request_class, "_retry_worker_lost", lambda request: outcomes.ended(request, "retried"))
    _if_true(request_class, "_success_was_stored", lambda request: outcomes.succeeded(request, None))


def _before(request_class: Any, name: str, note: Callable[..., None]) -> None:
    announce = getattr(request_class, name)

    def note_and_announce(request: Any, *args: Any, **kwargs: Any) -> Any:
        note(request, *args, **kwargs)
        return announce(request, *args, **kwargs)

    setattr(request_class, name, note_and_announce)


def _if_true(request_class: Any, name: str, note: Callable[[Any], None]) -> None:
    ask = getattr(request_class, name, None)
    if ask is None:
        return

    def ask_and_note(request: Any, *args: Any, **kwargs: Any) -> Any:
        answer = ask(request, *args, **kwargs)
        if answer:
            note(request)
        return answer

    setattr(request_class, name, ask_and_note)
