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

    def counted(self, call: Callable[..., Any], what: str) -> Callable[..., Any]:
        """The call, known as a wait for `what` where the consumer's own thread makes it."""

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
