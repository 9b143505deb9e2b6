"""An app that decides for itself, with the old names of settings."""

from celery import Celery

app = Celery("app_is_early")
app.config_from_object({"CELERY_ACKS_LATE": False, "BROKER_TRANSPORT_OPTIONS": {"max_connections": 20}})


@app.task
def early() -> None:
    pass


@app.task(acks_late=True)
def late() -> None:
    pass
