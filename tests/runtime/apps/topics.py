"""An app with a topic exchange."""

import time

from celery import Celery
from kombu import Exchange, Queue

app = Celery("topics")
app.conf.task_queues = [
    Queue("animals", Exchange("zoo", type="topic"), routing_key="animal.#"),
    Queue("celery"),
]


@app.task
def nap(seconds: float) -> None:
    time.sleep(seconds)
