"""Giving back what was fetched and has not started, when the pod drains or stops.

Three places hold such tasks: the timer (ETA and countdown), the buckets of rate limits, and on prefork the line
before the pool. What the threads, gevent and eventlet pools were handed cannot be taken back: it is finished first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def take_back(consumer: Any, state: Any) -> list[Any]:
    """The messages of tasks that will not start here any more; the caller gives them back.

    To be called in the consumer's own loop, which is the only one that moves these tasks.
    """
    requests = [*_scheduled(consumer), *_limited(consumer), *_before_the_pool(consumer)]
    for request in requests:
        state.task_ready(request)
    return [request.message for request in requests]


def _nothing(*_: Any) -> None:
    """In place of what a timer would do."""


def _scheduled(consumer: Any) -> Iterator[Any]:
    for waiting in list(consumer.timer.schedule.queue):
        entry = waiting.entry
        request = entry.args[0] if entry.args else None
        if entry.fun in (consumer.apply_eta_task, consumer._limit_post_eta):
            # Not every timer heeds `entry.cancel`: green ones call the entry whatever it says.
            entry.fun, entry.args = _nothing, ()
            entry.cancel()
            consumer.qos.decrement_eventually()
            yield request


def _limited(consumer: Any) -> Iterator[Any]:
    for bucket in list(consumer.task_buckets.values()):
        while bucket and bucket.contents:
            yield bucket.contents.popleft()[0]


def _before_the_pool(consumer: Any) -> Iterator[Any]:
    semaphore = consumer.controller.semaphore
    while semaphore is not None and semaphore._waiting:
        waiting = semaphore._waiting.popleft()
        yield waiting[1][0]
