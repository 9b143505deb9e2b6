"""The app of the benchmark: a task that does nothing. A worker without Taskfleet sets late acknowledgement here."""

import os

from celery import Celery

app = Celery("bench")
app.conf.task_ignore_result = True
app.conf.worker_log_format = "%(message)s"
if os.environ.get("BENCH_LATE"):
    app.conf.task_acks_late = True
    app.conf.task_reject_on_worker_lost = True


@app.task
def nothing() -> None:
    pass
