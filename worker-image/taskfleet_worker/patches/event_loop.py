"""celery.worker.consumer.consumer.Evloop: the loop ends without an error once a cold shutdown has stopped the pool."""

from __future__ import annotations

from typing import Any

from taskfleet_worker.shutdown.stopping import is_cold


def install(state: Any) -> None:
    """A cold shutdown stops the pool in the handler of its signal, in the middle of whatever the loop was at.

    What the loop then finds missing is no failure of the worker: it ends as if it had come round (Celery 5.5 and newer).
    """
    from celery.exceptions import WorkerTerminate
    from celery.worker.consumer.consumer import Evloop

    start = Evloop.start

    def run_loop(step: Any, consumer: Any) -> None:
        try:
            start(step, consumer)
        except Exception:
            if is_cold(state) and getattr(consumer.pool, "_pool", None) is None:
                raise WorkerTerminate(0) from None
            raise

    Evloop.start = run_loop
