"""Tasks that take their child along each time, and somebody who waits for each."""

import os
import signal
from typing import Any

import redis
from celery import Celery, chord
from celery.signals import task_failure
from kombu import Queue

app = Celery("waited")
app.conf.result_backend = os.environ["TEST_RESULTS"]
app.conf.task_queues = [Queue("celery"), Queue("quick", no_ack=True)]
notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


@app.task
def leaves() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(acks_late=False)
def leaves_early() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(ignore_result=True)
def leaves_unheard() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def fine() -> int:
    return 1


@app.task
def collect(_: list[int]) -> None:
    notes.rpush("test:end", "collected")


@app.task
def told(*arguments: Any) -> None:
    """An errback of the new kind, which gets the request, the exception and the traceback."""
    notes.rpush("test:errback", type(arguments[1]).__name__)


@app.task
def send(way: str) -> None:
    """Note the id of what is waited for."""
    if way == "chord":
        sent = chord([fine.s(), leaves.s()])(collect.s())
    elif way == "chain":
        sent = (leaves.si() | fine.si()).apply_async()
    elif way == "errback":
        sent = leaves.apply_async(link_error=told.s())
    elif way == "no-ack":
        sent = leaves.apply_async(queue="quick")
    else:
        sent = {"early": leaves_early, "unheard": leaves_unheard}.get(way, leaves).apply_async()
    notes.rpush("test:sent", str(sent.id))


@task_failure.connect
def heard(task_id: str, exception: BaseException, **_: object) -> None:
    notes.rpush("test:failed", f"{task_id} {type(exception).__name__}")
