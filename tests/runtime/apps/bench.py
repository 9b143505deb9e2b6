"""The app of the benchmarks: a task that does nothing, and one that notes when it begins.

A worker without Taskfleet sets late acknowledgement here, and one of ours may count no outcomes.
"""

import os
import time
from pathlib import Path

from celery import Celery

app = Celery("bench")
app.conf.task_ignore_result = True
app.conf.worker_log_format = "%(message)s"
if os.environ.get("BENCH_LATE"):
    app.conf.task_acks_late = True
    app.conf.task_reject_on_worker_lost = True
if os.environ.get("BENCH_UNCOUNTED"):
    from taskfleet_worker.pool.outcomes import Outcomes

    for told in ("_received", "started", "succeeded", "failed", "ended", "interrupted"):
        setattr(Outcomes, told, lambda *_, **__: None)


@app.task
def nothing() -> None:
    pass


@app.task
def begins() -> None:
    with Path(os.environ["BENCH_BEGINS"]).open("a") as lines:
        lines.write(f"{time.monotonic()}\n")
