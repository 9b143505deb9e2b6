"""An app with what projects add to Celery. Tasks note in Redis what they were called with."""

import os
import time
from typing import Any

import redis
from celery import Celery
from celery_batches import Batches
from celery_once import QueueOnce
from celery_singleton import Singleton
from django.conf import settings
from django.core.management import call_command

import django

url = os.environ["CELERY_BROKER_URL"]
settings.configure(
    INSTALLED_APPS=["django_celery_results"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["TEST_DATABASE"]}},
    USE_TZ=True,
)
django.setup()
app = Celery("peers")
app.conf.update(
    result_backend=os.environ.get("TEST_RESULTS", url),
    singleton_backend_url=url,
    ONCE={"backend": "celery_once.backends.Redis", "settings": {"url": url, "default_timeout": 60}},
)
notes = redis.Redis.from_url(url)


def migrate() -> None:
    call_command("migrate", verbosity=0)


@app.task
def double(number: int) -> int:
    return 2 * number


@app.task
def nap(seconds: float) -> None:
    time.sleep(seconds)


@app.task(base=Batches, flush_every=5, flush_interval=5)
def together(requests: list[Any]) -> None:
    notes.rpush("together", sum(request.args[0] for request in requests))


@app.task(base=Singleton)
def single(_number: int) -> None:
    notes.rpush("single", "run")
    time.sleep(2)


@app.task(base=QueueOnce)
def once(_number: int) -> None:
    notes.rpush("once", "run")
    time.sleep(2)
