"""One line for the pod's termination log, so that the WorkerPool's condition can say why a start failed.

What ends up there is shown to everyone who may read the WorkerPool: exception type, module and line, and the
message only of exceptions whose text Python makes from names in the code.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Mapping

from taskfleet_worker.settings import SettingsError

MAX_LENGTH = 300
_NAMING_ERRORS = (ImportError, AttributeError, NameError, SyntaxError, SettingsError)


def describe(error: BaseException) -> str:
    """Type, message where it is safe, and the deepest line outside of installed packages."""
    text = type(error).__name__
    if isinstance(error, _NAMING_ERRORS):
        text += f": {error}"
    place = _place(error)
    return bounded(f"{text} ({place})" if place else text)


def bounded(text: str) -> str:
    """At most MAX_LENGTH characters on one line, without any word that could be a URL."""
    words = ("<url>" if "://" in word else word for word in text.split())
    return " ".join(words)[:MAX_LENGTH]


def _place(error: BaseException) -> str | None:
    if isinstance(error, SettingsError):
        return None
    frames = [
        (frame.f_globals.get("__name__", "?"), line, frame.f_code.co_filename)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith("<frozen")
    ]
    users = [frame for frame in frames if not _is_installed(frame[2])]
    if not frames:
        return None
    module, line, _ = (users or frames)[-1]
    return f"{module}, line {line}"


def _is_installed(path: str) -> bool:
    ours = os.path.dirname(os.path.abspath(__file__))
    library = os.path.dirname(os.__file__)
    return "site-packages" in path or "dist-packages" in path or path.startswith((ours, library))


def write(text: str, environment: Mapping[str, str]) -> None:
    """Write the termination log. A pod that cannot write it still fails with its own exit code."""
    path = environment.get("TASKFLEET_TERMINATION_LOG", "/dev/termination-log")
    try:
        with open(path, "w", encoding="utf-8") as log:
            log.write(bounded(text) + "\n")
    except OSError as error:
        print(f"taskfleet: cannot write {path}: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up


class CriticalToTerminationLog(logging.Handler):
    """Celery logs why it gives up and stops; the exception never reaches a caller."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(level=logging.CRITICAL)
        self._environment = environment

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        write(record.getMessage() if error is None else describe(error), self._environment)
