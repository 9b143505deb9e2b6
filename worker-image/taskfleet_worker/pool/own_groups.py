"""Children in process groups of their own, where an init sends SIGTERM to the whole group of the worker.

Celery's children end at SIGTERM, in the middle of their tasks (celery/concurrency/prefork.py, `process_initializer`).
Elsewhere they stay in the group: billiard kills a child that leads one together with what its task has started.
"""

from __future__ import annotations

import os
from typing import Any


def install() -> None:
    """To be called before children are forked."""
    from celery import signals

    signals.worker_process_init.connect(_leave_the_group, weak=False)


def _leave_the_group(**_: Any) -> None:
    os.setpgid(0, 0)
