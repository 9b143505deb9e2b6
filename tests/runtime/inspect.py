"""What `kubectl exec <pod> -- celery inspect ...` shows: a plain Celery with the container's environment."""

import json
import subprocess
from typing import Any

from tests.runtime.worker import Worker


def inspect(worker: Worker, *command: str) -> Any:
    """The worker's own answer. Raises AssertionError with what the command printed."""
    app = worker.command[worker.command.index("-A") + 1]
    destination = f"pool@{worker.name}"
    line = [
        str(worker.python),
        "-m",
        "celery",
        "-A",
        app,
        "inspect",
        "-j",
        "-t",
        "10",
        "-d",
        destination,
        *command,
    ]
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
    return json.loads(result.stdout)[destination]
