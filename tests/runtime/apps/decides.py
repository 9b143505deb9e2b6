"""An app that decides its pool, its size and its queues itself, in code."""

import multiprocessing
import os
import threading

from celery import Celery
from kombu import Queue
from kombu.common import Broadcast

app = Celery("decides")
if pool := os.environ.get("TEST_POOL"):
    app.conf.worker_pool = pool
if concurrency := os.environ.get("TEST_CONCURRENCY"):
    app.conf.worker_concurrency = int(concurrency)
app.conf.task_queues = [Queue("mail"), Queue("sms"), Broadcast("everyone")]
app.conf.task_default_queue = "mail"


@app.task
def pool_of_this() -> str:
    """Where the task runs, by the names of its process and thread."""

    return f"{multiprocessing.current_process().name} {threading.current_thread().name}"
