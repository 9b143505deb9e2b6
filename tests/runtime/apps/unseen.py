"""Work of an app outside of any task, which goes on for longer than Taskfleet waits for Celery's end."""

import os
import threading
import time
from typing import Any

import redis
from celery import Celery, bootsteps, current_task
from celery.signals import worker_process_shutdown, worker_shutdown, worker_shutting_down

app = Celery("unseen")
app.conf.task_ignore_result = True
notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])
WHERE = os.environ["TEST_WORKS_IN"]
SECONDS = 12


def work() -> None:
    notes.rpush("test:start", WHERE)
    time.sleep(SECONDS)
    notes.rpush("test:end", WHERE)


class Step(bootsteps.StartStopStep):
    """As one that flushes what the worker has collected."""

    def stop(self, _worker: Any) -> None:
        work()


def on_signal(**_: Any) -> None:
    work()


if WHERE == "bootstep":
    app.steps["worker"].add(Step)
if WHERE in ("worker_shutting_down", "worker_shutdown", "worker_process_shutdown"):
    signal = {
        "worker_shutting_down": worker_shutting_down,
        "worker_shutdown": worker_shutdown,
        "worker_process_shutdown": worker_process_shutdown,
    }[WHERE]
    signal.connect(on_signal)


@app.task
def begins() -> None:
    """Starts a thread that outlives it."""
    notes.rpush("test:tasks", current_task.request.id)
    if WHERE == "thread":
        threading.Thread(target=work).start()
    if WHERE == "job":
        consumers[0].pool.apply_async(work_for_no_task, ())


consumers: list[Any] = []


class Remember(bootsteps.StartStopStep):
    def start(self, consumer: Any) -> None:
        consumers[:] = [consumer]


app.steps["consumer"].add(Remember)


def work_for_no_task() -> None:
    work()
