"""No task begins that may be somebody else's by now.

The operator gives the messages of a worker to others once it has heard nothing of it for 120 s and its node is lost as
well (brokers/recovery/dead_workers.py). The process may live all the same: its network was cut, or its machine stood still. So
after 100 s without an answer of Redis no task begins here any more: its message goes back, unless somebody has given it
back before. And when Redis answers again, the worker first says that it lives, from when on nothing is taken from it,
and then asks what of its messages it still has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Callable

from taskfleet_worker.deliveries import Deliveries

logger = logging.getLogger(__name__)

# Less than the operator's 120 s, by more than the report and its clock can be late.
PATIENCE = 100.0


class Fence:
    """Asked by whatever begins a task; told by the native thread what was taken. `count`: messages that did not begin."""

    def __init__(self, deliveries: Deliveries, clock: Callable[[], float]) -> None:
        self.count = 0
        # When Redis has answered last; elsewhere nobody takes messages from a worker that is silent.
        self.answered: Callable[[], float] = clock
        self._deliveries = deliveries
        self._clock = clock
        self._news = False

    @property
    def silent(self) -> bool:
        """Whether Redis has not answered for so long that the messages may be somebody else's."""
        return self._clock() - self.answered() >= PATIENCE

    def lost(self, tags: Iterable[str]) -> None:
        """Somebody else has been given these messages."""
        self._deliveries.taken.update(tag for tag in tags if tag in self._deliveries.held)
        self._news = bool(self._deliveries.taken)

    def take_news(self) -> bool:
        """Whether messages were lost since the last call: what waits here has to go."""
        news, self._news = self._news, False
        return news

    def stops(self, requests: Iterable[Any]) -> bool:
        """Whether these tasks must not begin. Then nothing of theirs is held any more."""
        messages = [request.message for request in requests]
        held = [self._deliveries.held.get(message.delivery_tag) for message in messages]
        # What Redis has no record of nobody else can be given.
        doubtful = self.silent and any(one is not None and one.recorded for one in held)
        if not doubtful and not any(message.delivery_tag in self._deliveries.taken for message in messages):
            return False
        self.drop(messages)
        return True

    def drop(self, messages: Iterable[Any]) -> None:
        """Have the native thread give them back: what somebody else was given stays with him."""
        before = self.count
        for message in messages:
            tag = message.delivery_tag
            delivery = self._deliveries.held.get(tag)
            if delivery is None:
                continue
            self.count += 1
            if delivery.returnable:
                self._deliveries.return_later.append((tag, delivery))
            self._deliveries.settled(tag)
            qos = getattr(message.channel, "_qos", None)  # of the connection that it came by, perhaps closed
            if qos is not None:
                qos.forget(tag)
        if self.count > before:
            logger.warning(
                "taskfleet: %d messages were not started, because Redis did not answer for too long.",
                self.count - before,
            )

    @property
    def note(self) -> str | None:
        """For the report."""
        if not self.count:
            return None
        return (
            f"{self.count} messages were not started, because Redis did not answer for "
            f"{PATIENCE:.0f} s. They were requeued or redelivered."
        )
