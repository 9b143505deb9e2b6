"""An app that decides its pool, its size and its queues in code, and greets as its environment says."""

import os

from celery import Celery
from kombu import Queue
from marks import marks

app = Celery("decides")
app.conf.worker_pool = "threads"
app.conf.worker_concurrency = 3
app.conf.task_queues = [Queue("mail"), Queue("sms")]
app.conf.task_default_queue = "mail"
app.conf.beat_schedule = {"tick": {"task": "decides.greet", "schedule": 1.0, "args": ("ticks",)}}


@app.task
def greet(key: str) -> None:
    marks().rpush(key, os.environ.get("GREETING", "none"))
