"""An app with many entries that are due at its start, once."""

import os
from datetime import UTC, datetime, timedelta

from celery import Celery
from celery.beat import PersistentScheduler
from celery.schedules import schedule

app = Celery("many_entries")


class Soon(schedule):
    """Due once, as its first run is long ago."""

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        due = last_run_at < self.now() - timedelta(days=1)
        return due, 3600.0


app.conf.beat_schedule = {
    f"e{number}": {
        "task": "many_entries.x",
        "schedule": Soon(timedelta(hours=1)),
        "args": (number,),
        "last_run_at": datetime(2020, 1, 1, tzinfo=UTC),
    }
    for number in range(int(os.environ.get("TEST_ENTRIES", "10")))
}


class Derived(PersistentScheduler):
    """As apps make their own of Celery's."""

    def setup_schedule(self) -> None:
        print("the scheduler is Derived", flush=True)
        super().setup_schedule()


if (scheduler := os.environ.get("TEST_SCHEDULER")) is not None:
    app.conf.beat_scheduler = scheduler


@app.task
def x(number: int) -> None:
    pass
