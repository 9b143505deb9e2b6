"""An app that ends its worker as some messages are received, before any task begins."""

import os
import sys
from typing import Any

import redis
from celery import Celery, current_task
from celery.signals import task_received

app = Celery("received")
app.conf.task_ignore_result = True
notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


@app.task
def fine() -> None:
    notes.rpush("test:end", current_task.request.id)


@app.task
def exits() -> None:
    """Its worker ends before it begins."""


@task_received.connect
def receive(request: Any, **_: Any) -> None:
    if request.name == "received.exits":
        sys.exit(3)
