"""Tasks that wait in the worker: for their time, or for a rate limit."""

import os

import redis
from celery import Celery, current_task

app = Celery("waits")
app.conf.task_ignore_result = True
app.conf.accept_content = ["json", "pickle"]
# Celery refuses pickle where tests run as root.
os.environ["C_FORCE_ROOT"] = "1"
if os.environ.get("TEST_MOST_WAITING"):
    app.conf.worker_eta_task_limit = int(os.environ["TEST_MOST_WAITING"])
notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


@app.task(rate_limit="1/h")
def limited() -> None:
    notes.rpush("test:limited", current_task.request.id)


@app.task(rate_limit="1/h")
def limited_too() -> None:
    notes.rpush("test:limited", current_task.request.id)


@app.task
def free() -> None:
    notes.rpush("test:end", current_task.request.id)
