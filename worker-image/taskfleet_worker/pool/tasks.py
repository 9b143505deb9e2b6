"""Which tasks run and how many have run, by queue, as the worker's main process sees them on every pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.pool.jobs import Job, Jobs


@dataclass
class QueueCount:
    """Since the start of the process; `busy_seconds` is the run time of the tasks in `done`."""

    active: int = 0
    done: int = 0
    busy_seconds: float = 0.0


class Tasks:
    """Follows the starts and ends that Celery announces (patches/worker_state.py)."""

    def __init__(self, deliveries: Deliveries, jobs: Jobs, clock: Callable[[], float]) -> None:
        self.queues: dict[str, QueueCount] = {}
        self.last_end = float("-inf")  # by the clock
        self._deliveries = deliveries
        self._jobs = jobs
        self._clock = clock
        # By identity of the request or job: queue, start, and for how many messages it stands.
        self._running: dict[int, tuple[str, float, int]] = {}

    @property
    def active(self) -> int:
        return len(self._running)

    def is_running(self, request: Any) -> bool:
        """Whether its end is still to come."""
        return id(request) in self._running

    def begun(self, request: Any) -> None:
        """The pool has started the task."""
        self._begin(id(request), [request.message])

    def job_begun(self, job: Job) -> None:
        """The pool has started work that is no task of its own: one run, for as many messages as it stands for."""
        self._begin(id(job), [request.message for request in job.requests])

    def _begin(self, key: int, messages: list[Any]) -> None:
        queues = [self._queue(message) for message in messages]
        if key not in self._running:
            queue = queues[0] if queues else ""
            self._running[key] = queue, self._clock(), len(queues)
            if queue:
                self._count(queue).active += 1

    def _queue(self, message: Any) -> str:
        delivery = self._deliveries.begun(message.delivery_tag)
        return delivery.queue if delivery else str(message.delivery_info.get("routing_key"))

    def over(self, ended: Any) -> None:
        """The request or job has ended in whatever way, or will not be started (revoked)."""
        self.last_end = self._clock()  # before it is active no more
        queue, since, messages = self._running.pop(id(ended), ("", 0.0, 0))
        if queue:
            count = self._count(queue)
            count.active -= 1
            count.done += messages
            count.busy_seconds += self.last_end - since

    def _count(self, queue: str) -> QueueCount:
        return self.queues.setdefault(queue, QueueCount())
