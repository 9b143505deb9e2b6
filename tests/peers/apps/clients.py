"""What a producer does with each peer; prints what it saw. `python clients.py <name>`."""

import sys
import time

from celery_once import AlreadyQueued
from django.apps import apps

from peers import double, migrate, notes, once, single, together


def batches() -> object:
    for number in range(10):
        together.delay(number)
    wait_until(lambda: notes.llen("together") == 2)
    return sorted(map(int, notes.lrange("together", 0, -1)))


def singleton() -> object:
    ids = {single.delay(1).id for _ in range(3)}
    wait_until(lambda: notes.llen("single") and not notes.keys("SINGLETON*"))
    single.delay(1).get(timeout=20)
    wait_until(lambda: not notes.keys("SINGLETON*"))
    return [len(ids), notes.llen("single")]


def once_only() -> object:
    first, refused = once.delay(1), 0
    for _ in range(2):
        try:
            once.delay(1)
        except AlreadyQueued:
            refused += 1
    first.get(timeout=20)
    wait_until(lambda: not notes.keys("qo_*"))  # released after the result is there
    once.delay(1).get(timeout=20)
    return [refused, notes.llen("once")]


def django_results() -> object:
    migrate()
    result = double.delay(21)
    value = result.get(timeout=20)
    return [
        value,
        apps.get_model("django_celery_results", "TaskResult").objects.get(task_id=result.id).status,
    ]


def wait_until(condition: object, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator] # any of the above
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.1)


print(globals()[sys.argv[1]]())
