"""kombu's AMQP channel with three changes: what it has fetched and not yet settled is counted, its delivery tags are
unique in the process, because AMQP's begin at 1 again with each channel, and it does not begin to fetch while the pod
drains.

Everything else is the broker's: what a lost connection or a dead process held goes back to its queue at once.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Callable

from taskfleet_worker.deliveries import Deliveries


def install(deliveries: Deliveries, closed: Callable[[Any], bool]) -> None:
    """Use the changed channel for AMQP in this process. `closed`: whether a channel must not fetch now."""
    from kombu.transport import pyamqp

    members = {
        "deliveries": deliveries,
        "closed": staticmethod(closed),
        "numbers": count(1),
        "__module__": __name__,
    }
    pyamqp.Connection.Channel = type("Channel", (_Counted, pyamqp.Channel), members)


def consumes(task_consumer: Any) -> bool:
    """Whether any queue sends to it."""
    return any(task_consumer.consuming_from(queue) for queue in task_consumer.queues)


def was_replaced(consumer: Any) -> bool:
    """Whether Celery's loop goes round over a connection on which nobody consumes, and does not know it.

    Where an acknowledgement is the first to find a connection dead, kombu replaces it without a word.
    """
    link, task_consumer = consumer.connection, consumer.task_consumer
    if link is None or task_consumer is None or not link.connected:
        return False
    return task_consumer.channel.connection is not link._connection


class _Counted:
    """Over kombu's channel for AMQP."""

    deliveries: Deliveries
    closed: Callable[[Any], bool]
    numbers: count[int]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._number = next(self.numbers)
        self._queue_of: dict[str, str] = {}  # by consumer tag, without those that acknowledge nothing
        super().__init__(*args, **kwargs)

    def basic_consume(self, queue: str = "", consumer_tag: str = "", *args: Any, **kwargs: Any) -> Any:
        if consumer_tag and not kwargs.get("no_ack"):
            if self.closed(self):
                return None  # of a connection that is made while the gate is closed; the next turn cancels it
            self._queue_of[consumer_tag] = queue
        return super().basic_consume(queue, consumer_tag, *args, **kwargs)  # type: ignore[misc]

    def message_to_python(self, raw_message: Any) -> Any:
        message = super().message_to_python(raw_message)  # type: ignore[misc]
        queue = self._queue_of.get(message.delivery_info.get("consumer_tag"))
        message.delivery_tag = self._tag(message.delivery_tag)
        if queue is not None:
            payload = {"headers": message.headers}
            self.deliveries.fetched(message.delivery_tag, queue=queue, prefix="", line=queue, payload=payload)
        return message

    def basic_ack(self, delivery_tag: Any, *args: Any, **kwargs: Any) -> Any:
        result = super().basic_ack(_plain(delivery_tag), *args, **kwargs)  # type: ignore[misc]
        self.deliveries.settled(delivery_tag)
        return result

    def basic_reject(self, delivery_tag: Any, *args: Any, **kwargs: Any) -> Any:
        result = super().basic_reject(_plain(delivery_tag), *args, **kwargs)  # type: ignore[misc]
        self.deliveries.settled(delivery_tag)
        return result

    def collect(self) -> None:
        """The channel has ended; the broker gives what it held to others."""
        super().collect()  # type: ignore[misc]
        for tag in [tag for tag in list(self.deliveries.held) if tag.startswith(self._tag(""))]:
            self.deliveries.settled(tag)

    def _tag(self, tag: Any) -> str:
        return f"{self._number}.{tag}"


def _plain(tag: Any) -> int:
    return int(str(tag).rpartition(".")[2])
