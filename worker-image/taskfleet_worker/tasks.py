"""Which tasks run and how many have run, by queue, as the worker's main process sees them on every pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from taskfleet_worker.deliveries import Deliveries


@dataclass
class QueueCount:
    """Since the start of the process; `busy_seconds` is the run time of the tasks in `done`."""

    active: int = 0
    done: int = 0
    busy_seconds: float = 0.0


class Tasks:
    """Celery announces each start and each end, whatever the outcome, by one function each."""

    def __init__(self, deliveries: Deliveries, clock: Callable[[], float]) -> None:
        self.queues: dict[str, QueueCount] = {}
        self.last_end = float("-inf")  # by the clock
        self._deliveries = deliveries
        self._clock = clock
        self._running: dict[int, tuple[str, float]] = {}

    @property
    def active(self) -> int:
        return len(self._running)

    def begun(self, request: Any) -> None:
        """The pool has started the task."""
        message = request.message
        delivery = self._deliveries.begun(message.delivery_tag)
        queue = delivery.queue if delivery else str(message.delivery_info.get("routing_key"))
        if id(request) not in self._running:
            self._running[id(request)] = queue, self._clock()
            self._count(queue).active += 1

    def over(self, request: Any) -> None:
        """The task has ended in whatever way, or will not be started (revoked)."""
        self.last_end = self._clock()  # before it is active no more
        queue, since = self._running.pop(id(request), (None, 0.0))
        if queue is not None:
            count = self._count(queue)
            count.active -= 1
            count.done += 1
            count.busy_seconds += self.last_end - since

    def _count(self, queue: str) -> QueueCount:
        return self.queues.setdefault(queue, QueueCount())

    def watch(self, state: Any) -> None:
        """Wrap the two functions of `celery.worker.state`, before the modules that take them from there."""
        accepted, ready = state.task_accepted, state.task_ready

        def task_accepted(request: Any, *args: Any, **kwargs: Any) -> Any:
            self.begun(request)
            return accepted(request, *args, **kwargs)

        def task_ready(request: Any, *args: Any, **kwargs: Any) -> Any:
            self.over(request)
            return ready(request, *args, **kwargs)

        state.task_accepted, state.task_ready = task_accepted, task_ready
