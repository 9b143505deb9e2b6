"""Tasks with every outcome, and a ledger of their starts: one line for each, with the name of the task."""

import builtins
import os
import signal
import time
from typing import Any, NoReturn

import redis
from celery import Celery, current_task
from celery.exceptions import Ignore, Reject

app = Celery("outcomes")
app.conf.task_ignore_result = True
ledger = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


def note() -> None:
    ledger.rpush("test:started", current_task.name)


@app.task
def succeed(seconds: float = 0) -> None:
    note()
    time.sleep(seconds)


@app.task
def fail(exception: str) -> NoReturn:
    note()
    raise getattr(builtins, exception)("no")


@app.task(bind=True, max_retries=1)
def retry_once(self: Any) -> None:
    note()
    if not self.request.retries:
        raise self.retry(countdown=0)


@app.task
def reject() -> NoReturn:
    note()
    raise Reject("no", requeue=False)


@app.task
def ignore() -> NoReturn:
    note()
    raise Ignore


@app.task(soft_time_limit=1)
def too_long_softly() -> None:
    note()
    time.sleep(30)


@app.task(time_limit=1)
def too_long() -> None:
    note()
    time.sleep(30)


@app.task
def lose_the_child_once() -> None:
    note()
    if ledger.incr("test:lost") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
