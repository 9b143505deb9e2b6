"""kombu's QoS for Redis: a record for each message in hand, and one way back for all of them.

Three kinds have no record in Redis. A copy that was sent to this worker alone (fanout) has no list to go back to. A
queue with `no_ack` and the transport option `ack_emulation: False` ask for none: what has not begun goes back all the
same when the worker drains or stops.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from time import time
from typing import Any, Callable
from uuid import uuid4

from taskfleet_worker.broker.redis_commands import give_back_unrecorded, requeue, returned_from
from taskfleet_worker.broker.redis_link import RedisLink, prefix_of
from taskfleet_worker.deliveries import Delivery, after_loss
from taskfleet_worker.messages.intake import envelope, with_reason
from taskfleet_worker.patches.redis_client import error_classes

logger = logging.getLogger(__name__)


class HeldMessages:
    """Over kombu's QoS for Redis."""

    link: RedisLink
    dumps: Callable[[Any], str]
    redis: Any
    channel: Any
    _delivered: dict[str, Any]
    _dirty: set[str]

    def append(self, message: Any, delivery_tag: str) -> None:
        known = delivery_tag in self.link.deliveries.held  # its fetch has recorded it
        delivery = None if known else self._fetched(message, delivery_tag)
        self.channel.fetched = None
        if delivery is not None and delivery.recorded:
            self._record(message, delivery_tag, delivery)
        self._count(message, delivery_tag)

    def _count(self, message: Any, tag: str) -> None:
        super(self.redis.QoS, self).append(message, tag)  # type: ignore[misc]

    def _fetched(self, message: Any, tag: str) -> Delivery:
        channel, payload = self.channel, message._raw
        queue = channel.delivering or message.delivery_info["routing_key"]
        fanout = queue in channel._fanout_queues
        line = channel.fetched_from or channel._q_for_pri(
            queue, channel._get_message_priority(payload, reverse=False)
        )
        return self.link.deliveries.fetched(
            tag,
            queue=queue,
            prefix=prefix_of(channel),
            line=None if fanout else line,
            payload=payload,
            recorded=channel.ack_emulation and not channel.at_most_once and not fanout,
            at_most_once=channel.at_most_once,
        )

    def _record(self, message: Any, tag: str, delivery: Delivery) -> None:
        # Not the exchange: by that, whoever restores it would put a copy into every queue that is bound to it.
        value = self.dumps([message._raw, "", delivery.queue])
        try:
            with self.pipe_or_acquire() as pipe:  # type: ignore[attr-defined]
                pipe.zadd(self.channel.unacked_index_key, {tag: time()})
                pipe.hset(self.channel.unacked_key, tag, value)
                pipe.hset(self.link.held_key, tag, delivery.record)
                pipe.execute()
        except Exception as error:
            # It is off its queue and recorded nowhere else.
            self.link.deliveries.unrecorded.append((tag, delivery))
            self.link.deliveries.settled(tag)
            refused, ours = error_classes(self.redis.redis.exceptions)
            if isinstance(error, refused) and not isinstance(error, ours):
                # Celery would end the worker, and the message with it.
                raise ours(f"a message was not recorded: {error}") from error
            raise
        self.link.refusals.accepted()

    def forget(self, tag: str) -> None:
        """It takes no room any more: somebody else settles it."""
        self._dirty.add(tag)

    def ack(self, delivery_tag: str) -> None:
        self._settle(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self._settle(delivery_tag)
        elif delivery_tag in self.link.deliveries.lost:
            self.give_back([delivery_tag], lost=True)
        else:  # the task asked for it: to the back of the line, as always
            self.give_back([delivery_tag], at_the_head=False)

    def _settle(self, tag: str) -> None:
        deliveries = self.link.deliveries
        deliveries.settling.add(tag)
        if self.link.leaving:
            return
        delivery = deliveries.held.get(tag)
        try:
            if delivery is None or delivery.recorded:
                self._remove_from_indices(tag).execute()
        except Exception:  # the connection is gone, the channel perhaps closed: the native thread has its own
            deliveries.settle_later.append(tag)
        else:
            deliveries.settled(tag)
        self._dirty.add(tag)

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        pipe = super()._remove_from_indices(delivery_tag, pipe)  # type: ignore[misc]
        return pipe.hdel(self.link.held_key, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:  # noqa: ARG002 - kombu's signature
        self.link.settle_pending()
        keep = self.link.tags_that_run_on()
        self.give_back([tag for tag in self._delivered if tag not in keep])
        self._delivered.clear()

    def refuse(self, raw: bytes | str, line: str, error: Exception) -> None:
        """What came off a list and is no message goes to the dead letters of its queue."""
        logger.exception("taskfleet: an item in %s is not a valid message", line)
        link, payload = self.link, envelope(raw)
        tag, queue = str(uuid4()), line.rsplit(self.channel.sep, 1)[0]
        delivery = link.deliveries.fetched(
            tag, queue=queue, prefix=prefix_of(self.channel), line=line, payload=payload
        )
        delivery.place = delivery.dead
        delivery.payload = with_reason(payload, link.intake.reason(error))
        link.deliveries.settled(tag)
        try:
            client = self.redis.redis.Redis(connection_pool=self.channel.pool)
            back = returned_from(tag, delivery, self.dumps)
            give_back_unrecorded(client, link.names_of(self.channel), back)
        except Exception:
            link.deliveries.unrecorded.append((tag, delivery))

    def refuse_held(self, tag: str, error: Exception) -> None:
        """The same for what its fetch has recorded."""
        logger.error("taskfleet: an item in a queue is not a valid message", exc_info=error)
        self.dead_letter(tag, self.link.intake.reason(error))

    def dead_letter(self, tag: str, reason: str) -> None:
        """Instead of acknowledging it."""
        delivery = self.link.deliveries.held[tag]
        if delivery.place is None:  # sent to this worker alone
            self._settle(tag)
            return
        delivery.place, delivery.payload = delivery.dead, with_reason(delivery.payload, reason)
        self.give_back([tag])

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        if self.channel.ack_emulation:
            with contextlib.suppress(error_classes(self.redis.redis.exceptions)[1]):
                super().restore_visible(*args, **kwargs)  # type: ignore[misc]

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        # Who knows its exchange will restore it; kombu would delete it. What is no message keeps no other from being
        # restored.
        with contextlib.suppress(UnroutableError, ValueError, TypeError, RecursionError):
            super().restore_by_tag(tag, client=client, leftmost=leftmost)  # type: ignore[misc]

    def give_back(self, tags: Iterable[str], *, lost: bool = False, at_the_head: bool = True) -> None:
        """To their lists, the first fetched first in line. `lost`: their child was killed."""
        deliveries = self.link.deliveries
        found = [(tag, deliveries.held[tag]) for tag in tags if tag in deliveries.held]
        found.sort(key=lambda item: -item[1].order)
        back = [(tag, delivery) for tag, delivery in found if delivery.returnable]
        for _, delivery in back if lost else ():
            delivery.place, delivery.payload = after_loss(delivery)
        try:
            client = self.redis.redis.Redis(connection_pool=self.channel.pool)
            returned = [returned_from(tag, delivery, self.dumps) for tag, delivery in back]
            requeue(client, self.link.names_of(self.channel), returned, at_the_head=at_the_head)
        except Exception:
            deliveries.return_later.extend(back)
        for tag, _ in found:
            deliveries.settled(tag)
            if tag in self._delivered:
                self._dirty.add(tag)


class UnroutableError(LookupError):
    """No queue is known for an exchange and routing key."""
