"""The tests' Celery app. Each task notes in Redis when it starts and ends, so that a run can be counted."""

import os
import signal
import subprocess
import sys
import time
import uuid
from typing import Any

import billiard.pool
import redis
from celery import Celery, current_task
from celery.exceptions import Reject
from celery.signals import task_received, worker_ready

app = Celery("proj")
app.conf.task_ignore_result = True
app.conf.worker_soft_shutdown_timeout = float(os.environ.get("TEST_SOFT_SHUTDOWN", "0"))

# A connection of its own, which waits for a Redis that is away, so that every start and end is noted.
url = os.environ.get("TEST_NOTES_URL") or os.environ["CELERY_BROKER_URL"]
notes = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def note(what: str, *more: object) -> None:
    # A name of its own, as a push whose answer was lost is made again.
    line = " ".join([current_task.request.id, uuid.uuid4().hex, *map(str, more)])
    while True:
        try:
            notes.rpush("test:" + what, line)
        except redis.ConnectionError:
            time.sleep(0.2)
        else:
            return


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
def suicide_once() -> None:
    """The first time only."""
    note("start", current_task.request.delivery_info["redelivered"])
    if notes.incr("test:suicides") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    note("end")


if os.environ.get("TEST_CHILDREN_LINGER"):
    # As when the parent has not counted a result: the child waits 300 times 0.1 s for it before it leaves.
    billiard.pool.Worker._ensure_messages_consumed = lambda _child, completed: time.sleep(30)  # noqa: ARG005

consumers: list[Any] = []


@worker_ready.connect
def remember(sender: Any, **_: object) -> None:
    consumers.append(sender)


@task_received.connect
def do_as_told(request: Any, **_: object) -> None:
    """In the consumer's own loop, on every pool."""
    if request.name == "proj.hang_the_consumer":  # as in a deadlock
        time.sleep(600)
    if (
        request.name == "proj.break_the_consumer"
    ):  # as an error of Celery's or of a signal handler that is fatal
        raise SystemExit(1)
    if request.name == "proj.stop_the_fetching":  # as after a reconnect that forgot the consumers
        consumers[0].task_consumer.channel._active_queues.clear()
    if (
        request.name == "proj.drop_a_spare_connection"
    ):  # as when one that is no longer used is collected as garbage
        pool = consumers[0].task_consumer.channel.pool
        spare = pool.get_connection("PING")
        spare.disconnect()
        pool.release(spare)


@app.task
def hang_the_consumer() -> None:
    pass


@app.task
def break_the_consumer() -> None:
    pass


@app.task
def stop_the_fetching() -> None:
    pass


@app.task
def drop_a_spare_connection() -> None:
    pass


@app.task
def requeue_once() -> None:
    if notes.incr("test:requeued") == 1:
        raise Reject("not yet", requeue=True)
    note("end")


@app.task(acks_late=False)
def early() -> None:
    """A task that opted out of late acknowledgement."""
