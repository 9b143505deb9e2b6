"""An app whose result backend accepts connections and says nothing, or whose hooks take long."""

import os
import time
from typing import Any

import redis
from celery import Celery, Task, current_task

app = Celery("silent_results")
notes = redis.Redis.from_url(os.environ.get("TEST_NOTES_URL") or os.environ["CELERY_BROKER_URL"])
app.conf.result_backend = os.environ.get("TEST_HOLE")
app.conf.task_ignore_result = False


def note(what: str) -> None:
    notes.rpush("test:" + what, current_task.request.id)


class Slow(Task):
    """Its hook is called in the main process where the task's own is gone."""

    def on_failure(self, *_args: Any, **_kwargs: Any) -> None:
        time.sleep(80)


@app.task(ignore_result=True)
def nap(seconds: float) -> None:
    note("start")
    time.sleep(seconds)
    note("end")


@app.task(time_limit=2)
def too_long() -> None:
    note("start")
    time.sleep(60)


@app.task(acks_late=True, reject_on_worker_lost=False)
def dies() -> None:
    os._exit(3)


@app.task
def expired() -> None:
    pass


@app.task(base=Slow, time_limit=2, ignore_result=True)
def too_long_with_a_slow_hook() -> None:
    note("start")
    time.sleep(60)
