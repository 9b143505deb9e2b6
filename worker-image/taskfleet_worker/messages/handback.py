"""Giving back what was fetched and has not started, when the pod drains or stops.

Three places hold such tasks: the timer (ETA and countdown), the buckets of rate limits, and on prefork the line
before the pool. What the threads, gevent and eventlet pools were handed cannot be taken back: it is finished first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Callable


def take_back(consumer: Any, state: Any, returnable: Callable[[Any], bool]) -> list[Any]:
    """The messages of tasks that will not start here any more; the caller gives them back.

    What has no place to go back to stays. To be called in the consumer's own loop, which is the only one that moves
    these tasks.
    """
    requests = [
        *_scheduled(consumer, returnable),
        *_limited(consumer, returnable),
        *_before_the_pool(consumer, returnable),
    ]
    for request in requests:
        state.task_ready(request)
    return [request.message for request in requests]


def _nothing(*_: Any) -> None:
    """In place of what a timer would do."""


def _scheduled(consumer: Any, returnable: Callable[[Any], bool]) -> Iterator[Any]:
    for waiting in list(consumer.timer.schedule.queue):
        entry = waiting.entry
        request = entry.args[0] if entry.args else None
        if entry.fun in (consumer.apply_eta_task, consumer._limit_post_eta) and returnable(request):
            # Not every timer heeds `entry.cancel`: green ones call the entry whatever it says.
            entry.fun, entry.args = _nothing, ()
            entry.cancel()
            consumer.qos.decrement_eventually()
            yield request


def _limited(consumer: Any, returnable: Callable[[Any], bool]) -> Iterator[Any]:
    for bucket in list(consumer.task_buckets.values()):
        for _ in range(len(bucket.contents) if bucket else 0):
            waiting = bucket.contents.popleft()
            if returnable(waiting[0]):
                yield waiting[0]
            else:
                bucket.contents.append(waiting)


def keeps_waiting(consumer: Any) -> bool:
    """Whether tasks wait here for their time or their rate limit; when all that could go back has gone, those stay."""
    waits = (consumer.apply_eta_task, consumer._limit_post_eta)
    if any(waiting.entry.fun in waits for waiting in list(consumer.timer.schedule.queue)):
        return True
    return any(bucket and bucket.contents for bucket in list(consumer.task_buckets.values()))


def before_the_pool(semaphore: Any) -> list[Any]:
    """The requests that wait for a process of a prefork pool. `semaphore`: None on other pools."""
    return [] if semaphore is None else [waiting[1][0] for waiting in list(semaphore._waiting)]


def _before_the_pool(consumer: Any, returnable: Callable[[Any], bool]) -> Iterator[Any]:
    semaphore = consumer.controller.semaphore
    line = deque() if semaphore is None else semaphore._waiting
    for _ in range(len(line)):
        waiting = line.popleft()
        if returnable(waiting[1][0]):
            yield waiting[1][0]
        else:
            line.append(waiting)
