"""Whether this worker stops, read from Celery's own state: signals, remote control, errors and an app's own SystemExit
come by different ways and leave the same traces.
"""

from __future__ import annotations

import signal
from typing import Any

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def is_stopping(state: Any, controller: Any) -> bool:
    """`state` is `celery.worker.state`; `controller` the WorkController, None before there is one."""
    if _is_set(state.should_stop) or is_cold(state):
        return True
    from celery.bootsteps import CLOSE, TERMINATE

    blueprint = getattr(controller, "blueprint", None)
    return blueprint is not None and blueprint.state in (CLOSE, TERMINATE)


def is_cold(state: Any) -> bool:
    """Whether Celery has stopped the pool already (`celery/apps/worker.py`, on_cold_shutdown)."""
    return _is_set(state.should_terminate)


def exit_code(state: Any, controller: Any) -> int:
    """What Celery's own end would return; it returns 0 from a cold shutdown."""
    code = getattr(controller, "exitcode", None)
    if code is None and _is_set(state.should_stop):
        code = state.should_stop
    return int(code or 0)


def _is_set(flag: Any) -> bool:
    # 0 is the exit code of a stop that was asked for; Celery resets the flag to None or False.
    return flag is not None and flag is not False


def ignore_signals() -> None:
    """Of a process that is about to end: nothing is left to ask for.

    Python gives signals their default action back while it ends (`Modules/signalmodule.c`, _PySignal_Fini), and a second
    one would then kill the process with another exit code. What is ignored stays so.
    """
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)


def default_signals() -> None:
    """Before another program takes this process over: it would inherit what is ignored."""
    for number in _ENDS:
        signal.signal(number, signal.SIG_DFL)
