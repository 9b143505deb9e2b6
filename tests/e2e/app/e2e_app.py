"""The app of the end-to-end tests: its tasks leave a mark in Redis when they start and when they end."""

import os
import signal
import time
from typing import Any

from celery import Celery
from marks import marks

app = Celery("e2e")


@app.task(bind=True)
def work(self: Any, key: str, seconds: float) -> None:
    kept = marks()
    kept.hincrby(f"{key}:started", self.request.id, 1)
    kept.rpush(f"{key}:order", self.request.id)
    time.sleep(seconds)
    kept.hincrby(f"{key}:done", self.request.id, 1)
    kept.hset(f"{key}:pod", self.request.id, os.environ["POD_NAME"])


@app.task(bind=True)
def poison(self: Any, key: str) -> None:
    """Ends the process that runs it, until KEY:cured is there."""
    kept = marks()
    kept.hincrby(f"{key}:started", self.request.id, 1)
    if not kept.exists(f"{key}:cured"):
        os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)  # the first process of a container cannot kill itself
    kept.hincrby(f"{key}:done", self.request.id, 1)


@app.task(acks_late=False)
def early() -> None:
    """A task that opted out of late acknowledgement."""
