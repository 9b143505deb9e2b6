"""The native thread on Redis: it also keeps held messages invisible to others, and settles what the worker could not
because its connection was lost. One connection, one command at a time."""

from __future__ import annotations

import contextlib
from collections import deque
from time import time
from typing import Any, Callable

from taskfleet_worker.broker_thread import BrokerThread, Voice
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.redis_commands import Unacked, give_back, give_back_unrecorded, renew, settle

# With REPORT_EVERY this makes 0.75 commands a second on an idle worker.
DRAIN_EVERY = 4.0
# Nobody but the operator removes what a dead start held; should there be none, Redis forgets it after a week.
HELD_KEPT = 7 * 24 * 3600

Connection = tuple[Any, Unacked, Callable[[Any], str]]
"""A client, the names of kombu's keys, and how messages are written."""


class RedisThread(BrokerThread):
    """`connect` goes through kombu, so that TLS, Sentinel and credentials are whatever the app's are."""

    def __init__(
        self,
        voice: Voice,
        *,
        connect: Callable[[], Connection],
        visibility_timeout: float,
        deliveries: Deliveries,
    ) -> None:
        super().__init__(voice)
        self._connect = connect  # type: ignore[method-assign]
        self._renew_every = visibility_timeout / 4
        self._deliveries = deliveries
        self._polled = self._renewed = float("-inf")

    def _turn(self, connection: Connection) -> None:
        client, names, dumps = connection
        now = self._clock()
        self._settle(client, names, dumps)
        if now - self._polled >= DRAIN_EVERY:
            self._obey(client.get(self._voice.prefix + self._voice.keys.drain))
            self._polled = now
        keys = self._voice.keys
        self._report(lambda value: client.hset(self._voice.prefix + keys.reports, keys.start, value), now)
        if now - self._renewed >= self._renew_every:
            held = dict(self._deliveries.held)
            if held:
                renew(client, names, held, time(), HELD_KEPT)
            self._renewed = now

    def _settle(self, client: Any, names: Unacked, dumps: Callable[[Any], str]) -> None:
        later = self._deliveries.settle_later
        while later:
            tag = later[0]
            settle(client, names, [tag])
            self._deliveries.settled(tag)
            _drop(later, tag)
        back = self._deliveries.return_later
        while back:
            tag, delivery = back[0]
            give_back(client, names, [(tag, delivery.place, dumps(delivery.payload))])
            _drop(back, (tag, delivery))
        unrecorded = self._deliveries.unrecorded
        while unrecorded:
            tag, delivery = unrecorded[0]
            give_back_unrecorded(client, names, tag, delivery.place, dumps(delivery.payload))
            _drop(unrecorded, (tag, delivery))

    def _leave(self, connection: Connection) -> None:
        client, names, dumps = connection
        self._settle(client, names, dumps)
        if not self._deliveries.unsettled:  # else the operator finds what is left by the report
            client.hdel(self._voice.prefix + self._voice.keys.reports, self._voice.keys.start)


def _drop(waiting: deque[Any], done: Any) -> None:
    with contextlib.suppress(ValueError):  # `leave` has been quicker
        waiting.remove(done)
