"""celery.apps.worker: SIGHUP restarts a worker in place, from run.py on."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from taskfleet_worker.shutdown.stopping import default_signals


def install(arguments: Sequence[str]) -> None:
    """Let Celery's restart begin at run.py again: it knows only the command line that was made for it."""
    from celery import platforms
    from celery.apps import worker

    def reload_current_worker() -> None:
        default_signals()
        platforms.close_open_fds([sys.__stdin__, sys.__stdout__, sys.__stderr__])
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - this very command

    worker._reload_current_worker = reload_current_worker
