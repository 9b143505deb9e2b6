"""The app of `helm test`."""

from celery import Celery

app = Celery("taskfleet-test")


@app.task
def add(x: int, y: int) -> int:
    return x + y
