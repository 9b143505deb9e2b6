"""When TERM has done all that it can do and the process should be gone.

Celery's own end can take half a minute longer: a prefork pool waits for children that have already left, a closed
connection waits for a broker that is gone. Nothing is lost by leaving: no task runs, and what could not be
acknowledged is given back by the operator.
"""

from __future__ import annotations

# With 2 s at most for the last words to the broker: less than 10 s after the last task.
PATIENCE = 7.0


def overdue(*, stopping_since: float | None, last_active: float, now: float) -> bool:
    """Whether nothing has run for PATIENCE although the worker should have ended. All in monotonic seconds."""
    if stopping_since is None:
        return False
    return now - max(stopping_since, last_active) >= PATIENCE
