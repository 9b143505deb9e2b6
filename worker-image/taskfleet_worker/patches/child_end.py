"""billiard.pool.Worker: how long a child of a prefork pool waits at its end."""

from __future__ import annotations

import signal
from typing import Any

# Billiard lets a child wait for 30 s for a parent that has perhaps stopped counting (billiard/pool.py).
CHILD_PATIENCE = 5


def install() -> None:
    """In each child as it starts; to be called before the app connects its own handlers, which come after ours then."""
    from celery import signals

    signals.worker_process_init.connect(_wait_shorter, weak=False)


def _wait_shorter(**_: Any) -> None:
    """In a child: no longer than CHILD_PATIENCE for the parent to count its results, which are in the pipe already."""
    from billiard.pool import Worker

    wait = Worker._ensure_messages_consumed

    def wait_shorter(child: Any, completed: int) -> bool:
        if child.maxtasks and completed >= child.maxtasks:
            return bool(wait(child, completed))  # its parent goes on
        previous = signal.signal(signal.SIGALRM, _enough)
        signal.alarm(CHILD_PATIENCE)
        try:
            return bool(wait(child, completed))
        except _EnoughError:
            return False
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)

    Worker._ensure_messages_consumed = wait_shorter


class _EnoughError(Exception):
    """The child has waited long enough."""


def _enough(*_: Any) -> None:
    raise _EnoughError
