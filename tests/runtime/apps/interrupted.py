"""An app whose worker gets a signal at a moment that a test could not meet from outside: TEST_MOMENT names it."""

import os
import signal
import time
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

app = Celery("interrupted")


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # the handler runs before this returns


def turn(consumer: Any) -> None:
    send(signal.SIGQUIT)
    # As the loop does when a message comes (Celery 5.7, worker/consumer/tasks.py, can_consume).
    assert consumer.pool.num_processes


@worker_ready.connect
def interrupt(sender: Any, **_: Any) -> None:
    if os.environ["TEST_MOMENT"] == "turn":
        sender.hub.call_soon(turn, sender)
    else:  # as while the handler of another signal collects the receivers
        with worker_shutting_down.lock:
            send(signal.SIGTERM)
