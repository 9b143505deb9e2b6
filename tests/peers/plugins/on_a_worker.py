"""A plugin for Celery's integration tests: a worker in a process of its own, where they would start one in a thread.

SUITE_WORKER has its command and environment as JSON, SUITE_LOG the file for its log.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from celery.contrib.testing import worker


@contextlib.contextmanager
def start_worker(app: Any, **_: Any) -> Iterator[None]:
    command, environment = json.loads(os.environ["SUITE_WORKER"])
    with open(os.environ["SUITE_LOG"], "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not app.control.ping(timeout=1):
            assert time.monotonic() < deadline, "the worker does not answer"
        yield
    finally:
        process.terminate()
        process.wait(60)


worker.start_worker = start_worker
