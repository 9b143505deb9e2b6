"""What `kubectl exec <pod> -- celery inspect ...` shows: a plain Celery with the container's environment."""

import contextlib
import json
import subprocess
from typing import Any

from tests.runtime.worker import Worker


def inspect(worker: Worker, *command: str) -> Any:
    """The worker's own answer. Raises AssertionError with what the command printed."""
    return json.loads(_ask(worker, "inspect", *command))[f"pool@{worker.name}"]


def control(worker: Worker, *command: str) -> None:
    """The same for `celery control`."""
    _ask(worker, "control", *command)


def _ask(worker: Worker, *command: str, timeout: int = 10) -> str:
    app = worker.command[worker.command.index("-A") + 1]
    destination = f"pool@{worker.name}"
    line = [str(worker.python), "-m", "celery", "-A", app, command[0], "-j"]
    line += ["-t", str(timeout), "-d", destination, *command[1:]]
    result = subprocess.run(
        line,
        env=worker.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=worker.folder,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def shut_down(worker: Worker) -> None:
    """`celery control shutdown`, which no worker answers."""
    with contextlib.suppress(AssertionError):
        _ask(worker, "control", "shutdown", timeout=1)
