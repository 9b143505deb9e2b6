"""The native thread on Redis: it also keeps held messages invisible to others, and settles what the worker could not
because its connection was lost. After a long silence it asks what was given to others meanwhile. And it tells what became
of tasks. One connection, one command at a time."""

from __future__ import annotations

import contextlib
from collections import deque
from time import time
from typing import Any, Callable

from taskfleet_worker import native
from taskfleet_worker.broker.broker_thread import BrokerThread, Voice
from taskfleet_worker.broker.failure_folds import FailureFolds
from taskfleet_worker.broker.outcome_folds import OutcomeFolds
from taskfleet_worker.broker.redis_commands import (
    Unacked,
    give_back_unrecorded,
    marked_as_taken,
    renew,
    requeue,
    returned_from,
    settle,
    strays,
)
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages.fence import Fence
from taskfleet_worker.messages.revokes import Revokes

# With REPORT_EVERY this makes 1.25 commands a second on an idle worker.
DRAIN_EVERY = 4.0
COMPARE_EVERY = 2.0
MOST_STRAYS = 1000
# Broadcasts bring revokes at once. Soon after the first reading, as the worker listened to them only from then on; after
# that for those that a lost connection has swallowed.
REVOKES_EVERY = 30.0
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
        revokes: Revokes,
        fence: Fence,
        folds: OutcomeFolds,
        failures: FailureFolds,
    ) -> None:
        super().__init__(voice)
        self._fence = fence
        self._folds = folds
        self._failures = failures
        self._forgotten = False
        self._connect = connect  # type: ignore[method-assign]
        self._renew_every = visibility_timeout / 4
        self._deliveries = deliveries
        self._revokes = revokes
        self._polled = self._renewed = self._revokes_due = self._compared = float("-inf")

    def _turn(self, connection: Connection) -> None:
        client, names, dumps = connection
        now = self._clock()
        if self._fence.silent:
            self._reported = float("-inf")
            self._say(client, now)
            self._ask_what_was_taken(client)
        # Before anything is written: a Redis that refuses that may still be read.
        if now - self._polled >= DRAIN_EVERY:
            self._obey(client.get(self._voice.prefix + self._voice.keys.drain))
            self._polled = now
        if now >= self._revokes_due:
            self._revokes_due = now + (REVOKES_EVERY if self._revokes.known else DRAIN_EVERY)
            self._revokes.read(client, self._voice.prefix + self._voice.keys.revoked)
        self._settle(client, names, dumps)
        self._say(client, now)
        if now - self._compared >= COMPARE_EVERY:
            self._compared = now
            self._return_strays(client, names, dumps)
        if self._forgotten:
            self._ask_what_was_taken(client)
            self._forgotten = False
        if now - self._renewed >= self._renew_every:
            held = dict(self._deliveries.held)
            if held:
                renew(client, names, held, time(), HELD_KEPT)
            self._renewed = now
        self._folds.turn(client, now)
        self._failures.turn(client, now)

    def _say(self, client: Any, now: float) -> None:
        keys = self._voice.keys

        def send(value: str) -> None:
            # New where it stood before: whoever removed it took this process for dead, perhaps while its clock stood.
            new = client.hset(self._voice.prefix + keys.reports, keys.start, value)
            self._forgotten = self._forgotten or (bool(new) and self._seq > 0)

        self._report(send, now)

    def _return_strays(self, client: Any, names: Unacked, dumps: Callable[[Any], str]) -> None:
        """What Redis has on record for this process and it has never got: the reply of a fetch was lost."""
        from redis.exceptions import ResponseError

        with contextlib.suppress(ResponseError):  # a user without the rights: no report waits for this
            if client.hlen(names.held) <= self._deliveries.known:
                return
            tags = [tag.decode() if isinstance(tag, bytes) else tag for tag in client.hkeys(names.held)]
            lost = self._deliveries.strays(tags)[:MOST_STRAYS]
            if lost:
                requeue(client, names, strays(client, names, lost, dumps))
                native.complain(f"taskfleet: {len(lost)} messages whose reply was lost were requeued")

    def _ask_what_was_taken(self, client: Any) -> None:
        """After a report: from then on nothing is taken (brokers/recovery/requeue_unacked.py)."""
        held = list(self._deliveries.held)
        self._fence.lost(marked_as_taken(client, self._voice.prefix + self._voice.keys.taken, held))

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
            requeue(client, names, [returned_from(tag, delivery, dumps)])
            _drop(back, (tag, delivery))
        unrecorded = self._deliveries.unrecorded
        while unrecorded:
            tag, delivery = unrecorded[0]
            give_back_unrecorded(client, names, returned_from(tag, delivery, dumps))
            _drop(unrecorded, (tag, delivery))
        self._revokes.share(client, self._voice.prefix + self._voice.keys.revoked)

    def _lost(self) -> None:
        self._folds.again()
        # A connection that was refused may lead to a server that is no longer the one to write to.
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection[0].connection_pool.disconnect()

    def leave(self, timeout: float, before: Callable[[], None]) -> None:
        def before_and_interrupt() -> None:
            before()
            self._folds.interrupt()

        super().leave(timeout, before_and_interrupt)

    def _leave(self, connection: Connection) -> None:
        client, names, dumps = connection
        self._settle(client, names, dumps)
        self._deliveries.end_of_fetch()
        self._return_strays(client, names, dumps)
        if not self._deliveries.unsettled:  # else the operator finds what is left by the report
            client.hdel(self._voice.prefix + self._voice.keys.reports, self._voice.keys.start)
        self._folds.finish(client)
        self._failures.finish(client)


def _drop(waiting: deque[Any], done: Any) -> None:
    with contextlib.suppress(ValueError):  # `leave` has been quicker
        waiting.remove(done)
