"""What `helm test` runs in its pod, against a worker of Taskfleet's."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.installation import CHART

FILES = CHART / "files/test"


def check(python: Path, server: RedisServer) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "CELERY_BROKER_URL": server.url,
        "CELERY_RESULT_BACKEND": server.url,
    }
    return subprocess.run(
        [python, FILES / "check.py"], check=False, capture_output=True, text=True, env=environment, timeout=60
    )


def test_a_task_is_executed_and_its_result_is_checked(
    make_worker: Callable[..., Worker], python: Path, server: RedisServer
) -> None:
    files = {"PYTHONPATH": str(FILES), "CELERY_RESULT_BACKEND": server.url, "PYTHONDONTWRITEBYTECODE": "1"}
    make_worker(app="tasks", environment=files).start().ready()
    result = check(python, server)
    assert (result.returncode, result.stdout.split(",")[0]) == (0, "2 + 3 = 5"), result.stderr
