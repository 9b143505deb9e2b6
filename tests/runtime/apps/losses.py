"""Tasks that lose their child once in each message, and go on in another message."""

import importlib
import os
import signal
from typing import Any

from celery import chain, current_task

proj = importlib.import_module("proj")
app, notes, note = proj.app, proj.notes, proj.note
ROUNDS = 7
if os.environ.get("TEST_RESULTS"):
    app.conf.update(
        result_backend=os.environ["TEST_RESULTS"],
        task_ignore_result=False,
        worker_deduplicate_successful_tasks=True,
    )


def lose_the_child_once(number: int) -> None:
    if notes.incr(f"test:round:{number}") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    note("headers", repr(current_task.request.headers))


@app.task(bind=True, max_retries=None)
def by_retry(self: Any) -> None:
    lose_the_child_once(self.request.retries)
    if self.request.retries < ROUNDS:
        raise self.retry(countdown=0)
    note("end")


@app.task(bind=True)
def by_headers(self: Any, number: int = 0) -> None:
    lose_the_child_once(number)
    if number == ROUNDS:
        note("end")
    else:
        self.apply_async((number + 1,), headers=self.request.headers)


@app.task(bind=True)
def by_replace(self: Any, number: int = 0) -> None:
    lose_the_child_once(number)
    if number < ROUNDS:
        self.replace(by_replace.si(number + 1))
    note("end")


@app.task
def part(number: int) -> None:
    lose_the_child_once(number)
    if number == ROUNDS:
        note("end")


@app.task
def by_chain() -> None:
    chain(*(part.si(number) for number in range(ROUNDS + 1)))()


@app.task
def by_link() -> None:
    last = part.si(ROUNDS)
    for number in reversed(range(ROUNDS)):
        last = part.si(number).set(link=last)
    last.apply_async()


@app.task
def redelivered(seconds: float) -> None:
    note("start", current_task.request.delivery_info["redelivered"])
    proj.time.sleep(seconds)
    note("end")


@app.task(bind=True)
def succeeds_early(self: Any, seconds: float) -> None:
    """As when its pod is lost between the result and the acknowledgement."""
    self.backend.store_result(self.request.id, None, "SUCCESS", request=self.request)
    note("start")
    proj.time.sleep(seconds)
    note("end")
