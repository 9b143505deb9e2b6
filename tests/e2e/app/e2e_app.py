"""The app of the end-to-end tests: its tasks leave a mark in Redis when they start and when they end."""

import os
import time
from typing import Any

from celery import Celery
from marks import marks

app = Celery("e2e")


@app.task(bind=True)
def work(self: Any, key: str, seconds: float) -> None:
    kept = marks()
    kept.hincrby(f"{key}:started", self.request.id, 1)
    time.sleep(seconds)
    kept.hincrby(f"{key}:done", self.request.id, 1)
    kept.hset(f"{key}:pod", self.request.id, os.environ["POD_NAME"])
