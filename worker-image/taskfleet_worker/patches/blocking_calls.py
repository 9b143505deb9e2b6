"""Calls of celery.backends.base.Backend and celery.worker.request.Request that can hold the consumer's own thread."""

from __future__ import annotations

from taskfleet_worker.pool.waits import Waits

_RESULTS = "the result backend"
_BACKEND = (
    "mark_as_done", "mark_as_failure", "mark_as_retry", "mark_as_revoked", "mark_as_started", "get_task_meta",
    "store_result", "on_chord_part_return", "chord_error_from_stack",
)  # fmt: skip
_REQUEST = {
    "on_timeout": "the handler of a hard time limit",
    "on_failure": "the handler of a task's failure",
    "on_retry": "the handler of a task's retry",
    "on_success": "the handler of a task's success",
    "revoked": "the handler of a revoked task",
}


def install(waits: Waits) -> None:
    """Wrap what Celery calls. Of subclasses too: they call these."""
    from celery.backends.base import Backend
    from celery.worker.request import Request

    calls = [*((Backend, name, _RESULTS) for name in _BACKEND)]
    calls += ((Request, name, what) for name, what in _REQUEST.items())
    for owner, name, what in calls:
        if (call := getattr(owner, name, None)) is not None:
            setattr(owner, name, waits.counted(call, what))
