"""SIGHUP: a worker restarts in place, as Celery's does (celery/apps/worker.py); a beat says that it does not."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from taskfleet_worker import native
from taskfleet_worker.stopping import default_signals


def restart_with(arguments: Sequence[str]) -> None:
    """Let Celery's restart begin at run.py again: it knows only the command line that was made for it."""
    from celery import platforms
    from celery.apps import worker

    def reload_current_worker() -> None:
        default_signals()
        platforms.close_open_fds([sys.__stdin__, sys.__stdout__, sys.__stderr__])
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - this very command

    worker._reload_current_worker = reload_current_worker


def refuse() -> None:
    """For a process that has no such thing. It would end, or as PID 1 ignore it without a word."""

    def say(_signal: int, _frame: Any) -> None:
        native.complain(
            "taskfleet: SIGHUP is ignored, because beat cannot restart in place; delete its pod instead"
        )

    signal.signal(signal.SIGHUP, say)
