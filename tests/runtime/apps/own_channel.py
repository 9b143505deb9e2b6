"""An app that brings a transport of its own."""

import os

import redis
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis

notes = redis.Redis.from_url(os.environ["CELERY_BROKER_URL"])


class OwnChannel(kombu_redis.Channel):
    """As kombu made it."""


class OwnTransport(kombu_redis.Transport):
    Channel = OwnChannel


TRANSPORT_ALIASES["redis"] = "own_channel:OwnTransport"
app = Celery("own_channel")


@app.task
def note() -> None:
    notes.rpush("test:end", f"{note.request.id} {note.request.id}")
