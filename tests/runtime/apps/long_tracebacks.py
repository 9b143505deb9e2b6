"""A task that fails with a long traceback, and a child that takes half a second between its length and itself."""

import os
import time
from typing import Any

import redis
from billiard import connection
from celery import Celery

app = Celery("long_tracebacks")
app.conf.task_ignore_result = True
ledger = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])
send = connection.Connection._send


def send_slowly(pipe: connection.Connection, data: Any, *arguments: Any) -> Any:
    sent = send(pipe, data, *arguments)
    if len(data) == 4:  # the length alone, which is sent before more than 16 KiB
        ledger.rpush("test:half", "1")
        time.sleep(0.5)
    return sent


connection.Connection._send = send_slowly


@app.task
def fail() -> None:
    ledger.rpush("test:started", "fail")
    fail_below(200)


def fail_below(depth: int) -> None:
    if depth == 0:
        raise ValueError("no")
    fail_below(depth - 1)
