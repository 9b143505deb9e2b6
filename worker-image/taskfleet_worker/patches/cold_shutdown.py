"""celery.worker.consumer.Consumer: running tasks of a cold shutdown are not ended where only prefork can do that."""

from __future__ import annotations

from typing import Any, Callable


def install(takes_over: Callable[[], bool]) -> None:
    """Ask `takes_over` where Celery 5.5 and newer would end the running tasks of a cold shutdown.

    Only prefork can: on solo and threads it raises NotImplementedError into whatever runs, and the killed greenlets of
    gevent and eventlet count as tasks that have succeeded, so that their messages are gone.
    """
    from celery.worker.consumer import Consumer

    for name in ("cancel_active_requests", "cancel_all_unacked_requests"):
        cancel = getattr(Consumer, name, None)
        if cancel is not None:
            setattr(Consumer, name, _unless_taken_over(cancel, takes_over))


def _unless_taken_over(cancel: Callable[[Any], Any], takes_over: Callable[[], bool]) -> Callable[[Any], Any]:
    def cancel_requests(consumer: Any) -> None:
        if takes_over():
            consumer.pool.stop = _nothing  # it would wait for the tasks, in the handler of a signal
        else:
            cancel(consumer)

    return cancel_requests


def _nothing() -> None:
    """In place of what would come too early."""
