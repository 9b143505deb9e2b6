"""An app whose tasks run in batches, as celery-batches makes them."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import redis
from celery import Celery
from celery_batches import Batches

app = Celery("batches")
app.conf.task_ignore_result = True
notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


@app.task(base=Batches, flush_every=3, flush_interval=1)
def collect(requests: Sequence[Any]) -> None:
    for request in requests:
        notes.rpush("test:start", f"{request.id} {time.monotonic()}")
    time.sleep(requests[0].args[0])
    for request in requests:
        notes.rpush("test:end", f"{request.id} {time.monotonic()}")


@app.task(base=Batches, flush_every=3, flush_interval=1)
def cancelled(_requests: Sequence[Any]) -> None:
    raise asyncio.CancelledError
