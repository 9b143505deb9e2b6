"""The tests' Celery app. Each task notes in Redis when it starts and ends, so that a run can be counted."""

import os
import signal
import subprocess
import sys
import time

import redis
from celery import Celery, current_task
from celery.exceptions import Reject

app = Celery("proj")
app.conf.task_ignore_result = True

notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"], socket_timeout=5)


def note(what: str, *more: object) -> None:
    notes.rpush("test:" + what, " ".join([current_task.request.id, *map(str, more)]))


@app.task
def nap(seconds: float) -> None:
    """Wait as I/O does."""
    note("start")
    time.sleep(seconds)
    note("end")


@app.task
def burn(seconds: float) -> None:
    """Keep the CPU."""
    note("start")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))
    note("end")


@app.task(rate_limit="1/h")
def limited() -> None:
    note("start")
    note("end")


@app.task
def child() -> None:
    """Start another Python, in which nothing of Taskfleet's can be imported."""
    program = "import celery; celery.Celery('x').conf.task_acks_late; print('fine')"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    note("end", out.stdout.strip(), out.stderr.strip()[-200:])


@app.task
def suicide() -> None:
    """Take the process along, as the kernel does when memory runs out."""
    note("start")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def requeue_once() -> None:
    if notes.incr("test:requeued") == 1:
        raise Reject("not yet", requeue=True)
    note("end")


@app.task(acks_late=False)
def early() -> None:
    """A task that opted out of late acknowledgement."""
