"""The app. Broker and result backend come from the environment: CELERY_BROKER_URL, CELERY_RESULT_BACKEND."""

import time

from celery import Celery

app = Celery("quickstart")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def slow(x: int, y: int, seconds: float) -> int:
    """add, after a while: to watch tasks run."""
    time.sleep(seconds)
    return x + y


@app.task
def fail() -> None:
    raise RuntimeError("This task always fails.")
