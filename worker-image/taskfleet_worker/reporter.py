"""What the worker says of itself: its state, its counts, and sentences about what is out of the ordinary."""

from __future__ import annotations

from typing import Any

from taskfleet_worker import fetching
from taskfleet_worker.context import WorkerContext
from taskfleet_worker.memory import Memory
from taskfleet_worker.pool.waits import NOTABLE
from taskfleet_worker.report import Worker, content, held_by_queue
from taskfleet_worker.transports.transport import Transport
from taskfleet_worker.worker_facts import worker_facts


class Reporter:
    """Read by the native thread. `notes` are sentences from the start, which stay."""

    def __init__(self, context: WorkerContext, transport: Transport) -> None:
        self.notes: list[str] = []
        self._context = context
        self._transport = transport
        self._queues: list[str] = []  # consumed from the start
        self._facts: dict[str, Any] = {}
        self._ready_after = 0.0
        self._memory = Memory(context.clock)
        context.health.obstacle = self._obstacle

    def consumer_ready(self) -> None:
        """The worker fetches from now on."""
        context = self._context
        self._queues = sorted(fetching.queues_consumed(context.consumer.task_consumer))
        self._ready_after = context.clock() - context.started
        self._facts = worker_facts(context.consumer, context.pool_type)
        self.notes.extend(self._opted_out(context.consumer.app))

    def content(self) -> dict[str, Any]:
        """The report."""
        return content(self._look())

    def signature(self) -> tuple[Any, ...]:
        """What makes a new report worth sending at once; cheap, as it is asked ten times a second."""
        context, tasks = self._context, self._context.tasks
        state = self._state()
        context.health.drained = state == "drained"
        done = sum(count.done for count in list(tasks.queues.values()))
        seen = state, context.gate.lease, tasks.active, done, context.reserved, len(context.deliveries.held)
        return (*seen, context.capacity, *self._standing())

    def _look(self) -> Worker:
        context = self._context
        active = context.tasks.active
        return Worker(
            state=self._state(),
            drain=context.gate.lease,
            active=active,
            prefetched=max(0, context.reserved - active),
            eta=context.deliveries.waiting_for_eta,
            limited=len(context.deliveries.limited),
            capacity=context.capacity,
            started_at=context.started_at,
            ready_after=self._ready_after,
            notes=tuple(self._notes()),
            queues=dict(context.tasks.queues),
            held=held_by_queue(context.deliveries.held),
            facts=self._facts,
            memory=self._memory.now(),
        )

    def _state(self) -> str:
        if self._context.stopping_since is not None:
            return "stopping"
        if self._context.gate.lease is None:
            return "ready" if self._obstacle() is None else "paused"
        return "drained" if self._drained() else "draining"

    def _drained(self) -> bool:
        context = self._context
        idle = not context.tasks.active and not context.reserved and not context.deliveries.unsettled
        if self._transport.keeps_waiting():
            return False
        return context.gate.settled and idle and not self._transport.fetching()

    def _obstacle(self) -> str | None:
        context = self._context
        if context.consumer is None or context.gate.closed:
            return None
        waited_for = context.waits.now(longer_than=NOTABLE)
        if waited_for is not None:
            return f"the worker waits for {waited_for}"
        return fetching.obstacle(context.consumer, context.pool_type)

    def _standing(self) -> list[str]:
        """Sentences about what keeps it from fetching now, while it neither drains nor stops."""
        if self._context.gate.closed:
            return []
        obstacle = self._obstacle()
        if obstacle is not None:
            return [f"The worker does not fetch: {obstacle}."]
        missing = fetching.missing_queues(self._queues, self._context.consumer)
        return [f"Queues that remote control cancelled: {', '.join(missing)}."] if missing else []

    def _notes(self) -> list[str]:
        context = self._context
        settling = (context.room, context.unsettled, context.intake, context.fence)
        parts = (*settling, context.revokes, context.outcomes, context.failures, context.tracing)
        others = (
            *(part.note for part in parts if part is not None),
            self._transport.refusal(),
            self._transport.fallback(),
        )
        return [*self._standing(), *self.notes, *(note for note in others if note)]

    def _opted_out(self, app: Any) -> list[str]:
        if self._context.settings.acknowledge != "Late":
            return []
        early = sorted(
            name for name, task in app.tasks.items() if not task.acks_late and not name.startswith("celery.")
        )
        return [f"Tasks that set acks_late to False: {', '.join(early)}"] if early else []
