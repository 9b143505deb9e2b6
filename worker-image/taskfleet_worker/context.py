"""One worker process: its parts, and what Celery has made of it so far."""

from __future__ import annotations

import os
from dataclasses import replace
from time import time
from typing import Any, Callable

from taskfleet_worker import fetching, native
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.health import Health
from taskfleet_worker.keys import Keys
from taskfleet_worker.messages.fence import Fence
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.messages.intake import Intake
from taskfleet_worker.messages.revokes import Revokes
from taskfleet_worker.messages.room import Room
from taskfleet_worker.messages.unsettled import Unsettled
from taskfleet_worker.pool.failures import Failures
from taskfleet_worker.pool.jobs import Jobs
from taskfleet_worker.pool.outcomes import Outcomes
from taskfleet_worker.pool.tasks import Tasks
from taskfleet_worker.pool.unseen import Unseen
from taskfleet_worker.pool.waits import Waits
from taskfleet_worker.settings import Settings
from taskfleet_worker.tracing.tracing import tracing_of


class WorkerContext:
    """Shared by everything that acts on this worker. `state` is `celery.worker.state`, `consumer` Celery's."""

    def __init__(self, settings: Settings, health: Health, keys: Keys, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.health = health
        self.keys = keys
        self.clock = clock
        self.started = clock()
        self.started_at = time()
        self.deliveries = Deliveries()
        self.gate = Gate()
        self.revokes = Revokes()
        self.jobs = Jobs(clock)
        self.tasks = Tasks(self.deliveries, self.jobs, clock)
        self.failures = Failures(settings.failures)
        self.tracing = tracing_of(
            settings, keys, os.environ, deliveries=self.deliveries, gate=self.gate, clock=clock
        )
        self.outcomes = Outcomes(
            self.deliveries,
            self.failures.add,
            keeps_messages=settings.failures.messages,
            tracer=self.tracing.tracer if self.tracing is not None else None,
        )
        self.fence = Fence(self.deliveries, clock)
        self.unsettled = Unsettled(self.deliveries, self.jobs, self.tasks, self.outcomes, clock)
        self.room = Room(self.deliveries)
        self.unseen = Unseen()
        self.intake = Intake(self.deliveries, self.jobs)
        self.waits = Waits(clock, ended=health.turned)
        self.state: Any = None
        self.consumer: Any = None
        self.stopping_since: float | None = None
        self._stop_noted = native.allocate_lock()
        health.active = lambda: self.tasks.active
        health.last_end = lambda: self.tasks.last_end
        health.pool_idle = self.jobs.idle_with_work
        health.waiting = self.waits.now

    @property
    def pool_type(self) -> str:
        """Known before the pool is made: of the WorkerPool, else of the app's `worker_pool`."""
        return self.settings.pool_type or "prefork"

    def use_pool(self, pool_type: str) -> None:
        """The WorkerPool names no pool, and the app's is this one."""
        self.settings = replace(self.settings, pool_type=pool_type)
        self.health.pool_type = pool_type

    def begin_to_stop(self) -> bool:
        """Fetch no more. Whether this call was the first: threads and handlers of signals may all be the one."""
        if not self._stop_noted.acquire(False):
            return False
        self.stopping_since = self.clock()
        self.gate.stopping = self.health.stopping = True
        return True

    @property
    def controller(self) -> Any:
        """Celery's WorkController; None before there is a consumer."""
        return getattr(self.consumer, "controller", None)

    @property
    def channel(self) -> Any:
        """The channel of the consumer; None between two connections."""
        return getattr(self.task_consumer, "channel", None)

    @property
    def task_consumer(self) -> Any:
        """kombu's consumer of the queues; None between two connections."""
        return getattr(self.consumer, "task_consumer", None)

    @property
    def reserved(self) -> int:
        """Tasks that Celery has taken in and that have not ended."""
        return len(self.state.reserved_requests)

    @property
    def has_children(self) -> bool:
        """Whether tasks run in processes of their own."""
        return self.pool_type == "prefork" and self.consumer is not None

    @property
    def capacity(self) -> int:
        """Processes, threads or slots of the pool now."""
        return fetching.pool_size(self.consumer.pool, self.pool_type)
