"""A worker at work: the parts of this package put together and hooked into Celery."""

from __future__ import annotations

import os
import signal
from typing import Any, Callable

from taskfleet_worker import native
from taskfleet_worker.broker.broker_thread import Voice
from taskfleet_worker.context import WorkerContext
from taskfleet_worker.messages.handback import take_back
from taskfleet_worker.patches import (
    blocking_calls,
    child_end,
    child_tracing,
    cold_shutdown,
    event_loop,
    hub_reset,
    hub_wakeup,
    prefork_flush,
    remote_shutdown,
    request,
    soft_shutdown,
    task_handler,
    waiting_tasks,
    worker_state,
)
from taskfleet_worker.patches.pool_calls import PoolCalls
from taskfleet_worker.reporter import Reporter
from taskfleet_worker.transports.transport import Transport
from taskfleet_worker.worker_end import WorkerEnd

# An unanswered command fails after the socket's timeout of 10 s.
ANSWER_LIMIT = 15.0


class Runtime:
    """One worker process from its start to its end."""

    def __init__(self, context: WorkerContext, transport: Transport) -> None:
        self.context = context
        self.reporter = Reporter(context, transport)
        self.end = WorkerEnd(context, transport)
        self._transport = transport
        self._waker: hub_wakeup.Waker | None = None

    def attach(self, state: Any) -> None:
        """Hook into Celery, before the modules that take the functions of `celery.worker.state` are imported."""
        context = self.context
        context.state = state
        worker_state.watch_tasks(state, begun=self._task_begun, ended=self._task_ended)
        context.revokes.follow(state)
        worker_state.watch_revokes(state, context.revokes.heard)
        pool_type = lambda: context.pool_type  # noqa: E731 - the app may decide it later
        PoolCalls(
            context.jobs,
            pool_type,
            context.tasks.job_begun,
            context.fence.stops,
            context.outcomes.succeeded,
        ).install()
        worker_state.watch_turns(state, self._turn)
        request.install(context.deliveries, context.outcomes)
        context.outcomes.listen()
        blocking_calls.install(context.waits)
        task_handler.install(context.intake.take_in, context.intake.hand_over)
        soft_shutdown.install(begun=self.end.begin)
        cold_shutdown.install(self.end.take_over_cold)
        remote_shutdown.install(state)
        event_loop.install(state)
        waiting_tasks.install(context.deliveries)
        context.room.listen()
        child_end.install()
        context.unseen.listen()
        self.reporter.notes += self._transport.install()

    def configured(self) -> None:
        """The app is, and no pool is made yet."""
        context = self.context
        if context.tracing is not None and context.pool_type == "prefork":
            child_tracing.install(context.tracing.app.child_started)

    def consumer_ready(self, consumer: Any) -> None:
        """The worker fetches from now on."""
        context = self.context
        context.consumer = consumer
        context.health.consumer_ready(consumer)
        if context.settings.capacity is None:
            context.health.capacity = max(1, context.capacity)
        context.unseen.consumer_ready()
        self.reporter.consumer_ready()
        if context.pool_type == "prefork":
            prefork_flush.install(consumer.pool)
            hub_reset.install(consumer.pool, consumer.hub)
        wakes = context.pool_type == "threads" or self._transport.wakes_the_loop
        if wakes and hub_wakeup.sleeps_on(consumer.hub):
            self._waker = hub_wakeup.Waker(consumer.hub)
        if context.tracing is not None:
            context.tracing.start(consumer.connection.transport.driver_type)
        thread, notes = self._transport.consumer_ready(self._voice)
        self.reporter.notes += notes
        if thread is not None:
            thread.start(timeout=2.0)
            self.end.thread = thread
            context.health.broker_reachable = lambda: context.clock() - thread.answered < ANSWER_LIMIT

    def _task_begun(self, request: Any) -> None:
        self.context.outcomes.started(request)  # while the message still tells whether it waited for its ETA
        self.context.tasks.begun(request)

    def _task_ended(self, request: Any) -> None:
        self.context.tasks.over(request)
        self.context.jobs.over(request)

    def _turn(self, asked: Callable[[], None]) -> None:
        """Once in each turn of the consumer's loop, before it fetches."""
        context = self.context
        context.health.turned()
        context.waits.in_loop()
        self.end.notice()
        if self._waker is not None:
            self._waker.listen()
        closed = context.gate.turn()
        context.revokes.apply(native.monotonic())
        if context.consumer is not None:
            self._settle_and_give_back(closed)
        if self.end.turn():
            asked()

    def _settle_and_give_back(self, closed: bool) -> None:
        context = self.context
        context.unsettled.settle(context.state, context.consumer)
        context.room.make(context.consumer)
        self._transport.turn()
        if context.fence.take_news():
            context.fence.drop(take_back(context.consumer, context.state, self._was_taken))
        if closed:
            self._transport.give_back(take_back(context.consumer, context.state, self._returnable))

    def _returnable(self, request: Any) -> bool:
        delivery = self.context.deliveries.held.get(request.message.delivery_tag)
        return delivery is not None and delivery.returnable

    def _was_taken(self, request: Any) -> bool:
        return request.message.delivery_tag in self.context.deliveries.taken

    def _voice(self) -> Voice:
        context = self.context
        return Voice(
            keys=context.keys,
            prefix=context.settings.global_key_prefix or "",
            gate=context.gate,
            signature=self._signature,
            content=self.reporter.content,
            asked_to_stop=self._terminate,
            clock=context.clock,
        )

    def _signature(self) -> tuple[Any, ...]:
        self.end.notice()
        return self.reporter.signature()

    def _terminate(self) -> None:
        if self.context.stopping_since is None:
            os.kill(os.getpid(), signal.SIGTERM)
