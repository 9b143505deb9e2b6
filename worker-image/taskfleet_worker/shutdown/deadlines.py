"""When TERM has done all that it can do and the process should be gone.

Celery's own end can take half a minute longer: a prefork pool waits for children that have already left, a closed
connection waits for a broker that is gone. Nothing is lost by leaving: no task runs, and what could not be
acknowledged is given back by the operator.
"""

from __future__ import annotations

# Seconds for the last words to the broker, and those of the grace period that are left to the rest of the end.
LAST_WORDS = 2.0
RESERVE = 10.0
# Before the kubelet kills: enough to give back what is left.
LAST_SECONDS = 5.0
# With 2 s at most for the last words to the broker: less than 10 s after the last task. A collector of traces that does
# not answer adds 2 s.
PATIENCE = 7.0
# The fetch that is under way at TERM ends within a second; a dead connection is not waited for.
FETCH_PATIENCE = 3.0


def overdue(*, stopping_since: float | None, last_active: float, now: float) -> bool:
    """Whether nothing has run for PATIENCE although the worker should have ended. All in monotonic seconds."""
    if stopping_since is None:
        return False
    return now - max(stopping_since, last_active) >= PATIENCE


def patience(*, stopping_since: float | None, grace_period: float, refused: bool, now: float) -> float:
    """Seconds that the last words may take. `refused`: Redis takes no acknowledgements at present.

    What has ended and is not acknowledged is run again, so a refusal is outlasted for as long as the pod may live.
    """
    if stopping_since is None or not refused:
        return LAST_WORDS
    return max(LAST_WORDS, stopping_since + grace_period - RESERVE - now)


def must_leave(*, stopping_since: float | None, grace_period: float, now: float) -> bool:
    """Whether the process is about to be killed, so that even what cannot be seen has to end."""
    return stopping_since is not None and now - stopping_since >= grace_period - LAST_SECONDS


def fetch_is_over(*, fetching: bool, stopping_since: float, now: float) -> bool:
    """Whether no fetch can bring a message any more, or a dead connection keeps it. All in monotonic seconds."""
    return not fetching or now - stopping_since >= FETCH_PATIENCE
