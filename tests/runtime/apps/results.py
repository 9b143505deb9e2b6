"""An app whose tasks have results."""

from celery import Celery

app = Celery("results")


@app.task
def double(number: int) -> int:
    return 2 * number
