"""The app of the chaos test: a ledger in Redis of every run, which is kept however long Redis is away."""

import json
import os
import time
import uuid
from collections.abc import Callable
from typing import Any

import redis
from celery import Celery
from marks import marks

AWAY_SECONDS = 300.0  # longer than any fault lasts

app = Celery("chaos")
app.conf.broker_transport_options = {"socket_timeout": 5, "socket_connect_timeout": 5}


@app.task(bind=True)
def work(self: Any, seconds: float) -> None:
    run = f"{self.request.id}/{uuid.uuid4().hex[:8]}"
    began = time.time()
    where = [os.environ["POD_NAME"], os.environ["NODE_NAME"], began]
    persist(lambda kept: kept.hset("chaos:began", run, json.dumps(where)))
    time.sleep(max(0.0, began + seconds - time.time()))
    persist(lambda kept: kept.hset("chaos:ended", run, time.time()))


@app.task
def tick() -> None:
    """What the schedule sends."""
    persist(lambda kept: kept.rpush("chaos:ticks", time.time()))


def persist(write: Callable[[redis.Redis], Any]) -> None:
    """Write, and again until Redis has taken it."""
    until = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            write(marks())
            return
        except redis.RedisError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
