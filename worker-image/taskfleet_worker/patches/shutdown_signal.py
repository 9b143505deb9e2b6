"""celery.signals.worker_shutting_down: sent from handlers of signals."""

from __future__ import annotations

import threading


def install() -> None:
    """A second signal may interrupt the handler of the first while it holds this lock, in the same thread."""
    from celery import signals

    signals.worker_shutting_down.lock = threading.RLock()
