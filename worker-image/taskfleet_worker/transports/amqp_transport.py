"""A worker on RabbitMQ: the broker pushes, and gives what a lost connection held to others by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taskfleet_worker.broker.amqp_thread import AmqpThread
from taskfleet_worker.broker.broker_thread import BrokerThread, Voice
from taskfleet_worker.context import WorkerContext
from taskfleet_worker.messages.handback import keeps_waiting
from taskfleet_worker.patches import amqp_channel


class AmqpTransport:
    """See `Transport`."""

    wakes_the_loop = True

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._given_up: Any = None  # the consumer whose connection was replaced
        self._cancelled: Any = None  # the consumer that a closed gate has stopped

    def install(self) -> list[str]:
        amqp_channel.install(self._context.deliveries, closed=self._keeps_from_fetching)
        return []

    def consumer_ready(self, voice: Callable[[], Voice]) -> tuple[BrokerThread | None, list[str]]:
        return AmqpThread(voice(), self._context.consumer.app, wake=self._wake), []

    def turn(self) -> None:
        self._expect_own_connection()
        self._follow_gate()

    def fetching(self) -> bool:
        task_consumer = self._context.task_consumer
        return task_consumer is not None and amqp_channel.consumes(task_consumer)

    def may_end_the_loop(self, since: float) -> bool:  # noqa: ARG002 - however long ago
        # Its loop sends the heartbeats without which a long task is given to another worker.
        context = self._context
        return not context.tasks.active and not context.reserved and not context.deliveries.held

    def give_back(self, messages: list[Any]) -> None:
        for message in messages:
            message.requeue()

    def keeps_waiting(self) -> bool:
        # Of a queue with no_ack, which AMQP counts as nobody's.
        return keeps_waiting(self._context.consumer)

    def refusal(self) -> str | None:
        return None

    def fallback(self) -> str | None:
        return None

    def refuses(self) -> bool:
        return False

    def leave(self) -> None:
        """The broker gives to others what is not acknowledged."""

    def _keeps_from_fetching(self, channel: Any) -> bool:
        return self._context.gate.closed and channel is self._context.channel

    def _expect_own_connection(self) -> None:
        """Raises, once, the error that makes Celery connect again; it asks for more turns on the way there."""
        from amqp.exceptions import RecoverableConnectionError

        task_consumer = self._context.task_consumer
        if task_consumer is not self._given_up and amqp_channel.was_replaced(self._context.consumer):
            self._given_up = task_consumer
            raise RecoverableConnectionError("the consumer's connection was replaced")

    def _follow_gate(self) -> None:
        """A closed gate means no consumers, also of a connection that is made meanwhile."""
        task_consumer = self._context.task_consumer
        if task_consumer is None or not task_consumer.channel.is_open:
            return  # also called between two connections
        closed = self._context.gate.closed
        if closed and amqp_channel.consumes(task_consumer):
            task_consumer.cancel()
            self._cancelled = task_consumer
        elif not closed and self._cancelled is task_consumer:
            self._cancelled = None
            task_consumer.consume()

    def _wake(self) -> None:
        """The consumer's loop comes round; green pools' does every 2 s."""
        if self._context.consumer.hub is not None:
            self._context.consumer.hub.call_soon(_nothing)


def _nothing() -> None:
    """For a loop that only has to come round."""
