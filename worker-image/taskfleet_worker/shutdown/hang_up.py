"""SIGHUP of a process that cannot restart in place."""

from __future__ import annotations

import signal
from typing import Any

from taskfleet_worker import native


def refuse() -> None:
    """Say so, once for each. The process would end, or as PID 1 ignore it without a word."""

    def say(_signal: int, _frame: Any) -> None:
        native.complain(
            "taskfleet: SIGHUP is ignored, because beat cannot restart in place; delete its pod instead"
        )

    signal.signal(signal.SIGHUP, say)
