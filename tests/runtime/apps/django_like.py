"""Configured as Django projects are: an object with prefixed names, read under a namespace."""

from types import SimpleNamespace

from celery import Celery

settings = SimpleNamespace(
    CELERY_BROKER_TRANSPORT_OPTIONS={"max_connections": 20, "visibility_timeout": 43200},
    CELERY_TASK_IGNORE_RESULT=True,
    DEBUG=False,
)
app = Celery("django_like")
app.config_from_object(settings, namespace="CELERY")


@app.task
def late() -> None:
    pass


@app.task(acks_late=False)
def early() -> None:
    pass
