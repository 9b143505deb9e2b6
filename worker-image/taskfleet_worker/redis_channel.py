"""kombu's Redis channel with five changes, each for something that Celery workers lose or double without it.

- A message is recorded as held by this start in the same transaction that makes it unacknowledged.
- A gate is asked before each fetch; what a fetch still brings when it is closed goes back to the head of the line.
- What goes back keeps its order; kombu reverses it.
- When the connection is lost, messages whose tasks run on are kept and acknowledged later, not given to others.
- The end of a connection that does not fetch does not end the fetching.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from time import time
from typing import Any, Callable

from taskfleet_worker import native
from taskfleet_worker.deliveries import Deliveries, Delivery, after_loss
from taskfleet_worker.gate import Gate
from taskfleet_worker.redis_commands import Unacked, give_back

# kombu's versions whose channel this was written against and is tested with.
KNOWN = ((5, 3), (5, 4), (5, 5), (5, 6), (5, 7))


class Link:
    """What channels share with the rest of the package."""

    def __init__(self, deliveries: Deliveries, gate: Gate, held_key: str) -> None:
        self.deliveries = deliveries
        self.gate = gate
        self.held_key = held_key
        self.fetched_at = native.monotonic()
        self.leaving = False
        self.is_consumers: Callable[[Any], bool] = lambda _channel: False
        self.tags_that_run_on: Callable[[], set[str]] = set
        self.settle_pending: Callable[[], None] = lambda: None

    def names_of(self, channel: Any) -> Unacked:
        """Full names of the keys that a channel's messages are kept under."""
        return Unacked(prefix_of(channel), channel.unacked_key, channel.unacked_index_key, self.held_key)


def prefix_of(channel: Any) -> str:
    """The global key prefix of the app."""
    return getattr(channel, "global_keyprefix", "") or ""


def install(link: Link) -> str | None:
    """Use the changed channel for Redis and Sentinel in this process. A sentence when kombu is not a known one."""
    import kombu
    from kombu.transport import redis

    version = tuple(kombu.VERSION[:2])
    if version not in KNOWN:
        return f"kombu {kombu.__version__} is not known to this release: deliveries are Celery's own and pods do not drain."
    for transport in (redis.Transport, redis.SentinelTransport):
        transport.Channel = _channel_class(transport.Channel, link, redis, any_end_stops=version < (5, 7))
    # A full Redis is one to wait for: Celery would end the worker, and with it what was not recorded. Sentinel's
    # transport inherits it.
    redis.Transport.connection_errors += (redis.redis.exceptions.OutOfMemoryError,)
    return None


def _channel_class(base: Any, link: Link, redis: Any, *, any_end_stops: bool) -> Any:
    qos = type(
        "QoS", (_HeldMessages, base.QoS), {"link": link, "dumps": staticmethod(redis.dumps), "redis": redis}
    )
    members = {"link": link, "QoS": qos, "any_end_stops": any_end_stops, "__module__": __name__}
    return type("Channel", (_Gated, base), members)


class _HeldMessages:
    """Over kombu's QoS for Redis."""

    link: Link
    dumps: Callable[[Any], str]
    redis: Any
    channel: Any
    _delivered: dict[str, Any]
    _dirty: set[str]

    def append(self, message: Any, delivery_tag: str) -> None:
        info = message.delivery_info
        delivery = self._fetched(message, delivery_tag)
        try:
            with self.pipe_or_acquire() as pipe:  # type: ignore[attr-defined]
                pipe.zadd(self.channel.unacked_index_key, {delivery_tag: time()})
                value = self.dumps([message._raw, info["exchange"], info["routing_key"]])
                pipe.hset(self.channel.unacked_key, delivery_tag, value)
                pipe.hset(self.link.held_key, delivery_tag, delivery.record)
                pipe.execute()
        except Exception as error:
            # It is off its queue and recorded nowhere else.
            self.link.deliveries.settled(delivery_tag)
            self.link.deliveries.unrecorded.append((delivery_tag, delivery))
            if isinstance(error, self.redis.redis.ResponseError):
                # No rights or no memory, for now: Celery would end the worker, and the message with it.
                raise self.redis.redis.ConnectionError(f"a message was not recorded: {error}") from error
            raise
        super(self.redis.QoS, self).append(message, delivery_tag)  # type: ignore[misc]

    def _fetched(self, message: Any, tag: str) -> Delivery:
        channel = self.channel
        payload = message._raw
        queue = channel.delivering or message.delivery_info["routing_key"]
        line = channel._q_for_pri(queue, channel._get_message_priority(payload, reverse=False))
        return self.link.deliveries.fetched(
            tag, queue=queue, prefix=prefix_of(channel), line=line, payload=payload
        )

    def ack(self, delivery_tag: str) -> None:
        self._settle(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self._settle(delivery_tag)
        elif delivery_tag in self.link.deliveries.lost:
            self.give_back([delivery_tag], lost=True)
        else:  # the task asked for it: to the back of the line, as always
            super().reject(delivery_tag, requeue=True)  # type: ignore[misc]
            self.link.deliveries.settled(delivery_tag)

    def _settle(self, tag: str) -> None:
        self.link.deliveries.settling.add(tag)
        if self.link.leaving:
            return
        try:
            self._remove_from_indices(tag).execute()
        except Exception:  # the connection is gone, the channel perhaps closed: the native thread has its own
            self.link.deliveries.settle_later.append(tag)
        else:
            self.link.deliveries.settled(tag)
        self._dirty.add(tag)

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        pipe = super()._remove_from_indices(delivery_tag, pipe)  # type: ignore[misc]
        return pipe.hdel(self.link.held_key, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:  # noqa: ARG002 - kombu's signature
        self.link.settle_pending()
        keep = self.link.tags_that_run_on()
        self.give_back([tag for tag in self._delivered if tag not in keep])
        self._delivered.clear()

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        # Who knows its exchange will restore it; kombu would delete it.
        with contextlib.suppress(UnroutableError):
            super().restore_by_tag(tag, client=client, leftmost=leftmost)  # type: ignore[misc]

    def give_back(self, tags: Iterable[str], lost: bool = False) -> None:
        """To the head of their lists, the first fetched first in line. `lost`: their child was killed."""
        deliveries = self.link.deliveries
        found = [(tag, deliveries.held[tag]) for tag in tags if tag in deliveries.held]
        found.sort(key=lambda item: -item[1].order)
        for _, delivery in found if lost else ():
            delivery.place, delivery.payload = after_loss(delivery)
        try:
            client = self.redis.redis.Redis(connection_pool=self.channel.pool)
            returned = ((tag, delivery.place, self.dumps(delivery.payload)) for tag, delivery in found)
            give_back(client, self.link.names_of(self.channel), returned)
        except Exception:
            deliveries.return_later.extend(found)
        for tag, _ in found:
            deliveries.settled(tag)
            self._dirty.add(tag)


class UnroutableError(LookupError):
    """No queue is known for an exchange and routing key."""


class _Gated:
    """Over kombu's channel for Redis."""

    link: Link
    any_end_stops: bool
    delivering: str | None = None

    @property
    def active_queues(self) -> list[str]:
        """In their order; kombu 5.3 makes a set of them, so that a strict order is whatever the hashes say."""
        queues = dict.fromkeys(self._active_queues)  # type: ignore[attr-defined]
        return [queue for queue in queues if queue not in self.active_fanout_queues]  # type: ignore[attr-defined]

    def _brpop_start(self, *args: Any, **kwargs: Any) -> None:
        if self.link.is_consumers(self):
            if self.link.gate.closed:
                return
            self.link.fetched_at = native.monotonic()
        super()._brpop_start(*args, **kwargs)  # type: ignore[misc]

    def _on_connection_disconnect(self, connection: Any) -> None:
        # Up to kombu 5.6 the end of any connection, even of one that is collected as garbage, ends the fetching.
        if not self.any_end_stops or connection in (self._in_poll, self._in_listen):  # type: ignore[attr-defined]
            super()._on_connection_disconnect(connection)  # type: ignore[misc]

    def basic_consume(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        callback = kwargs.get("callback")
        if callback is None or kwargs.get("no_ack") or queue in self._fanout_queues:  # type: ignore[attr-defined]
            return super().basic_consume(queue, *args, **kwargs)  # type: ignore[misc]
        kwargs["callback"] = functools.partial(self._deliver_unless_closed, callback)
        result = super().basic_consume(queue, *args, **kwargs)  # type: ignore[misc]
        callbacks = self.connection._callbacks  # type: ignore[attr-defined]
        callbacks[queue] = functools.partial(self._note_queue, queue, callbacks[queue])
        return result

    def _note_queue(self, queue: str, deliver: Callable[[Any], Any], raw: Any) -> Any:
        self.delivering = queue
        try:
            return deliver(raw)
        finally:
            self.delivering = None

    def _deliver_unless_closed(self, callback: Callable[[Any], Any], message: Any) -> Any:
        if self.link.gate.closed and self.link.is_consumers(self):
            return self.qos.give_back([message.delivery_tag])  # type: ignore[attr-defined]
        return callback(message)

    def _do_restore_message(
        self, payload: Any, exchange: str, routing_key: str, pipe: Any, leftmost: bool = False
    ) -> None:
        if not self._lookup(exchange, routing_key):  # type: ignore[attr-defined]
            raise UnroutableError(exchange, routing_key)
        super()._do_restore_message(payload, exchange, routing_key, pipe, leftmost)  # type: ignore[misc]
