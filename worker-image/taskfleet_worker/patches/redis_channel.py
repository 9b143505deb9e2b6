"""kombu's Redis channel with changes, each for something that Celery workers lose or double without it.

- A message is recorded as held by this start in the same transaction that makes it unacknowledged (redis_qos.py), under
  a delivery tag of its own: one message in two queues comes with one tag, and the second record replaces the first.
- A gate is asked before each fetch; what a fetch still brings when it is closed goes back to the head of the line.
- A fetch is one script, and Redis says when the next one is worth it (redis_fetch.py).
- What goes back goes to the list that it came from, and keeps its order; kombu reverses it, and puts a copy into every
  queue that is bound to the message's exchange.
- When the connection is lost, messages whose tasks run on are kept and acknowledged later, not given to others.
- The end of a connection that does not fetch does not end the fetching.
- A reply that means "not now" (refusals.py) is waited for: Celery would end the worker, and with it what was not
  recorded or acknowledged.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any, Callable
from uuid import uuid4

from taskfleet_worker.broker.redis_link import RedisLink
from taskfleet_worker.deliveries import redelivered
from taskfleet_worker.patches.redis_client import error_classes, refusing_client
from taskfleet_worker.patches.redis_fetch import FetchingChannel
from taskfleet_worker.patches.redis_poller import waking_poller
from taskfleet_worker.patches.redis_qos import HeldMessages, UnroutableError

# kombu's versions whose channel this was written against and is tested with.
KNOWN = ((5, 3), (5, 4), (5, 5), (5, 6), (5, 7))


def install(link: RedisLink) -> str | None:
    """Use the changed channel for Redis and Sentinel in this process. A sentence when kombu is not a known one."""
    import kombu
    from kombu.transport import redis

    version = tuple(kombu.VERSION[:2])
    if version not in KNOWN:
        return (
            f"kombu {kombu.__version__} is not supported by this release: Celery's own delivery is "
            "used, and pods do not drain."
        )
    for transport in (redis.Transport, redis.SentinelTransport):
        transport.Channel = _channel_class(transport.Channel, link, redis, any_end_stops=version < (5, 7))
    redis.Transport._deliver = _deliver(redis.virtual.Transport)
    redis.MultiChannelPoller = waking_poller(redis.MultiChannelPoller)
    return None


def note_on(channel: Any) -> str | None:
    """A sentence where the app has a channel of its own in place of the changed one."""
    if channel is None or isinstance(channel, _Gated):
        return None
    kind = type(channel)
    return (
        f"The app uses its own channel class, {kind.__module__}.{kind.__qualname__}: Celery's own "
        "delivery is used, and pods do not drain."
    )


def _channel_class(base: Any, link: RedisLink, redis: Any, *, any_end_stops: bool) -> Any:
    qos = type(
        "QoS", (HeldMessages, base.QoS), {"link": link, "dumps": staticmethod(redis.dumps), "redis": redis}
    )
    members = {
        "link": link,
        "QoS": qos,
        "any_end_stops": any_end_stops,
        "dumps": staticmethod(redis.dumps),
        "loads": staticmethod(redis.loads),
        "exceptions": redis.redis.exceptions,
        "__module__": __name__,
    }
    return type("Channel", (_Gated, base), members)


def _deliver(base: Any) -> Callable[[Any, Any, str], Any]:
    """A message of a queue whose consumer was cancelled during the fetch goes back to its list."""

    def deliver(transport: Any, raw: Any, queue: str) -> Any:
        # An app's own transport may have channels of another class.
        gated = (channel for channel in transport.channels if isinstance(channel, _Gated))
        fetching = next((channel for channel in gated if channel.fetched_from), None)
        if fetching is None or queue in transport._callbacks:
            return base._deliver(transport, raw, queue)
        return fetching.hand_back(raw, queue)

    return deliver


class _Gated(FetchingChannel):
    """Over kombu's channel for Redis."""

    dumps: Callable[[Any], str]
    exceptions: Any
    # Of the message that is being delivered: its queue, and whether that has no_ack.
    delivering: str | None = None
    at_most_once = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.no_ack: set[str] = set()
        super().__init__(*args, **kwargs)
        # Without ack_emulation kombu takes the QoS of other transports here; ours knows the option.
        self.__dict__.pop("QoS", None)
        if self.link.refusals.since is not None:
            # Celery pauses between two attempts to connect, and not between two connections that work.
            self.client.set(f"{self.link.held_key}:probe", "1", ex=1)
            self.link.refusals.accepted()

    def _get_client(self) -> Any:
        made = super()._get_client()  # type: ignore[misc]
        return refusing_client(made, self.link.refusals, self.exceptions)

    @property
    def active_queues(self) -> list[str]:
        """In their order; kombu 5.3 makes a set of them, so that a strict order is whatever the hashes say."""
        queues = dict.fromkeys(self._active_queues)  # type: ignore[attr-defined]
        return [queue for queue in queues if queue not in self.active_fanout_queues]  # type: ignore[attr-defined]

    def basic_consume(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        callback, no_ack = kwargs.get("callback"), bool(kwargs.get("no_ack"))
        fanout = queue in self._fanout_queues  # type: ignore[attr-defined]
        (self.no_ack.add if no_ack else self.no_ack.discard)(queue)
        if callback is None or (fanout and no_ack):
            return super().basic_consume(queue, *args, **kwargs)  # type: ignore[misc]
        if not fanout:
            kwargs["callback"] = functools.partial(self._deliver_unless_closed, callback, no_ack)
        result = super().basic_consume(queue, *args, **kwargs)  # type: ignore[misc]
        callbacks = self.connection._callbacks
        callbacks[queue] = functools.partial(self._note_queue, queue, callbacks[queue])
        return result

    def _note_queue(self, queue: str, deliver: Callable[[Any], Any], raw: Any) -> Any:
        # A message that was refused its record goes back.
        with self._from(queue), contextlib.suppress(error_classes(self.exceptions)[1]):
            return deliver(raw if self.taken is not None else _with_a_tag_of_its_own(raw))

    def basic_get(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        with self._from(queue):
            return super().basic_get(queue, *args, **kwargs)  # type: ignore[misc]

    def _get(self, queue: str) -> Any:
        return _with_a_tag_of_its_own(super()._get(queue))  # type: ignore[misc]

    def hand_back(self, raw: Any, queue: str) -> None:
        """To the head of its list, unseen."""
        with self._from(queue):
            message = self.Message(_with_a_tag_of_its_own(raw), channel=self)  # type: ignore[attr-defined]
            self.qos.append(message, message.delivery_tag)  # type: ignore[attr-defined]
            self.qos.give_back([message.delivery_tag])  # type: ignore[attr-defined]

    @contextlib.contextmanager
    def _from(self, queue: str) -> Iterator[None]:
        self.delivering = queue
        try:
            yield
        finally:
            self.delivering = None

    def _deliver_unless_closed(self, callback: Callable[[Any], Any], no_ack: bool, message: Any) -> Any:
        self.fetched = None
        ours = self.link.is_consumers(self)
        if no_ack and ours:
            self.at_most_once = True
            try:
                self.qos.append(message, message.delivery_tag)  # type: ignore[attr-defined]
            finally:
                self.at_most_once = False
        if ours and self.link.gate.closed:
            return self.qos.give_back([message.delivery_tag])  # type: ignore[attr-defined]
        return callback(message)

    def record_time(self, tag: str) -> None:
        """Renew the record of a message whose ETA was found in its body: the operator reads headers only."""
        delivery = self.link.deliveries.held[tag]
        if delivery.recorded:
            with contextlib.suppress(Exception), self.conn_or_acquire() as client:  # type: ignore[attr-defined]
                client.hset(self.link.held_key, tag, delivery.record)

    def _do_restore_message(
        self, payload: Any, exchange: str, routing_key: str, pipe: Any, leftmost: bool = False
    ) -> None:
        queues = self._lookup(exchange, routing_key)  # type: ignore[attr-defined]
        if not queues:
            raise UnroutableError(exchange, routing_key)
        step = self._get_message_priority(payload, reverse=False)  # type: ignore[attr-defined]
        message = self.dumps(redelivered(payload))
        for queue in queues:
            (pipe.lpush if leftmost else pipe.rpush)(self._q_for_pri(queue, step), message)  # type: ignore[attr-defined]


def _with_a_tag_of_its_own(raw: Any) -> Any:
    raw["properties"]["delivery_tag"] = str(uuid4())
    return raw
