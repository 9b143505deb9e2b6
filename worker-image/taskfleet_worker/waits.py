"""What the consumer's own thread waits for outside of its loop: known, so that the liveness probe can excuse it.

Celery stores results of tasks that were killed, revoked or lost in the worker's main process, and calls hooks of the
app's there. A result backend that says nothing holds it for minutes (redis_socket_timeout is 120 s, and it tries
again); a restart would not cure that and would end the tasks that run.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

# A wait that the report and the readiness probe speak of.
NOTABLE = 5.0

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


class Waits:
    """`ended` is called after each wait: the loop has not had its turn yet."""

    def __init__(self, clock: Callable[[], float], ended: Callable[[], None]) -> None:
        self._clock = clock
        self._ended = ended
        self._loops: Any = None
        self._stack: list[tuple[str, float]] = []

    def in_loop(self) -> None:
        """Called in the consumer's loop: this thread, or greenlet, is the one whose waits count."""
        self._loops = _ident()

    def now(self, longer_than: float = 0.0) -> str | None:
        """What is waited for, by its most telling name; None: for nothing, or not for so long."""
        stack = list(self._stack)
        if not stack or self._clock() - stack[0][1] < longer_than:
            return None
        return stack[-1][0]

    def watch(self) -> None:
        """Wrap what Celery calls. Of subclasses too: they call these."""
        from celery.backends.base import Backend
        from celery.worker.request import Request

        for name in _BACKEND:
            self._wrap(Backend, name, _RESULTS)
        for name, what in _REQUEST.items():
            self._wrap(Request, name, what)

    def _wrap(self, owner: Any, name: str, what: str) -> None:
        call = getattr(owner, name, None)
        if call is not None:
            setattr(owner, name, self._counted(call, what))

    def _counted(self, call: Callable[..., Any], what: str) -> Callable[..., Any]:
        @functools.wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if self._loops is None or _ident() != self._loops:
                return call(*args, **kwargs)
            self._stack.append((what, self._clock()))
            try:
                return call(*args, **kwargs)
            finally:
                self._stack.pop()
                self._ended()

        return counted


def _ident() -> Any:
    # Not taken at import: gevent and eventlet put their own in its place.
    import threading

    return threading.get_ident()
