"""An app with a schedule of its own: a task every half second."""

from celery import Celery

app = Celery("ticking")
app.conf.beat_schedule = {"tick": {"task": "ticking.tick", "schedule": 0.5}}


@app.task
def tick() -> None:
    """Never run here: what is sent stays in the queue."""
