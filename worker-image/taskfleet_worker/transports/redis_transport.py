"""A worker on Redis or Sentinel: it fetches itself, and gives back what a lost connection or its own end leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taskfleet_worker.broker.broker_thread import BrokerThread, Voice
from taskfleet_worker.broker.failure_folds import FailureFolds
from taskfleet_worker.broker.outcome_folds import OutcomeFolds
from taskfleet_worker.broker.redis_fetch import MOST
from taskfleet_worker.broker.redis_link import RedisLink
from taskfleet_worker.broker.redis_thread import Connection, RedisThread
from taskfleet_worker.context import WorkerContext
from taskfleet_worker.patches import redis_channel
from taskfleet_worker.pool.prefork import is_with_a_child
from taskfleet_worker.shutdown.deadlines import fetch_is_over

# A worker that knows no revokes yet fetches nothing for as long as this.
REVOKES_PATIENCE = 10.0


class RedisTransport:
    """See `Transport`. A broker of another kind, such as SQS, has no thread and keeps Celery's own channel."""

    wakes_the_loop = False

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._link = RedisLink(
            context.deliveries,
            context.gate,
            context.intake,
            held_key=context.keys.held,
            wake_up_key=context.keys.wake_up,
        )

    def install(self) -> list[str]:
        self._link.is_consumers = lambda channel: channel is self._context.channel
        self._link.tags_that_run_on = self._tags_that_run_on
        self._link.settle_pending = self._settle_pending
        self._link.most = self._most
        note = redis_channel.install(self._link)
        return [note] if note else []

    def consumer_ready(self, voice: Callable[[], Voice]) -> tuple[BrokerThread | None, list[str]]:
        context, link = self._context, self._link
        link.refusals.running = True
        if context.consumer.connection.transport.driver_type != "redis":
            return None, []
        context.health.fetch_age = self._fetch_age
        link.fetched_at = since = context.clock()
        link.may_fetch = lambda: context.revokes.known or context.clock() - since >= REVOKES_PATIENCE
        note = redis_channel.note_on(context.channel)
        thread = self._thread(voice())
        context.fence.answered = lambda: thread.answered
        return thread, [note] if note else []

    def turn(self) -> None:
        """The channel itself asks the gate before each fetch."""

    def fetching(self) -> bool:
        return bool(getattr(self._context.channel, "_in_poll", None))

    def may_end_the_loop(self, since: float) -> bool:
        # What a fetch still brings would stay in the socket until the last task has ended.
        return fetch_is_over(fetching=self.fetching(), stopping_since=since, now=self._context.clock())

    def give_back(self, messages: list[Any]) -> None:
        channel = self._context.channel
        if isinstance(getattr(channel, "link", None), RedisLink):
            channel.qos.give_back([message.delivery_tag for message in messages])
            return
        for message in messages:
            message.requeue()

    def keeps_waiting(self) -> bool:
        return False

    def refusal(self) -> str | None:
        return self._link.refusals.note

    def fallback(self) -> str | None:
        reason = self._link.not_woken
        return reason and f"The worker fetches with BRPOP, because Redis does not wake it: {reason}."

    def refuses(self) -> bool:
        return self._link.refusals.since is not None

    def leave(self) -> None:
        self._link.leaving = True

    def _most(self) -> int:
        context = self._context
        if context.pool_type == "solo":
            return 1  # its task runs before the next message is looked at
        if "can_consume" not in vars(context.channel.qos):
            return MOST
        # Celery's worker_disable_prefetch, which the prefetch count does not know.
        controller = context.controller
        limit = getattr(controller, "max_concurrency", None) or context.consumer.pool.num_processes
        return int(limit) - context.reserved

    def _thread(self, voice: Voice) -> RedisThread:
        import redis
        from kombu.utils.json import dumps

        context, link = self._context, self._link
        app = context.consumer.app

        def connect() -> Connection:
            # Through kombu, so that TLS, Sentinel and credentials are whatever the app's are.
            channel = app.connection_for_read().channel()
            return redis.Redis(connection_pool=channel.pool), link.names_of(channel), dumps

        return RedisThread(
            voice,
            connect=connect,
            visibility_timeout=context.settings.visibility_timeout,
            deliveries=context.deliveries,
            revokes=context.revokes,
            fence=context.fence,
            folds=OutcomeFolds(context.outcomes, voice.keys, voice.prefix),
            failures=FailureFolds(context.failures, voice.keys, voice.prefix),
        )

    def _fetch_age(self) -> float | None:
        context, channel = self._context, self._context.channel
        wanted = context.consumer.app.amqp.queues.consume_from  # empty: somebody has cancelled every consumer
        if channel is None or context.gate.closed or not wanted or not channel.qos.can_consume():
            return None
        return context.clock() - self._link.fetched_at

    def _tags_that_run_on(self) -> set[str]:
        """Of messages that a lost connection must not give to others: their tasks run on, or have just ended."""
        context = self._context
        if context.stopping_since is not None and not context.tasks.active:
            return set(context.deliveries.settling)
        keep = {tag for tag, delivery in list(context.deliveries.held.items()) if delivery.begun}
        for request in list(context.state.reserved_requests):
            # The other pools run what they were handed; prefork drops what it has not sent to a child.
            if context.pool_type != "prefork" or is_with_a_child(request):
                keep.add(request.message.delivery_tag)
        return keep

    def _settle_pending(self) -> None:
        """Before a stopping worker gives back the rest: up to Celery 5.5 green pools leave acknowledgements behind."""
        context = self._context
        context.unsettled.settle_ended(context.state)
        if context.stopping_since is not None and context.consumer is not None and not context.consumer.hub:
            context.consumer.perform_pending_operations()
