"""An app with many entries of 30 s each."""

import os

from celery import Celery

app = Celery("periodic")
app.conf.task_ignore_result = True
app.conf.beat_schedule = {
    f"e{number}": {"task": "periodic.x", "schedule": 30.0, "args": (number,)}
    for number in range(int(os.environ["TEST_ENTRIES"]))
}
