"""The native thread that speaks to Redis while the worker's own threads are busy, blocked or reconnecting.

It reports, obeys the drain lease, keeps held messages invisible to others, and settles what the worker could not
because its connection was lost. One connection, one command at a time; an error only means: again in a second.
"""

from __future__ import annotations

import contextlib
from collections import deque
from time import time
from typing import Any, Callable

from taskfleet_worker import native
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.gate import Gate
from taskfleet_worker.keys import Keys
from taskfleet_worker.redis_commands import Unacked, give_back, give_back_unrecorded, renew, settle
from taskfleet_worker.report import encoded

TICK = 0.1
REPORT_EVERY = 2.0
# With REPORT_EVERY this makes 0.75 commands a second on an idle worker.
DRAIN_EVERY = 4.0
# In place of a lease, for a pod that was deleted before Python could hear of it: bytes, or text as the app asks for.
STOP = (b"stop", "stop")
# As long as the operator's lease: who cannot see whether it is renewed consumes again.
LEASE = 30.0
# Nobody but the operator removes what a dead start held; should there be none, Redis forgets it after a week.
HELD_KEPT = 7 * 24 * 3600


class BrokerThread:
    """Runs from `worker_ready` to the end of the process."""

    def __init__(
        self,
        *,
        connect: Callable[[], tuple[Any, Unacked, Callable[[Any], str]]],
        keys: Keys,
        prefix: str,
        visibility_timeout: float,
        deliveries: Deliveries,
        gate: Gate,
        signature: Callable[[], Any],
        content: Callable[[], dict[str, Any]],
        asked_to_stop: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.answered = clock()
        self.lease_seen = clock()
        self._connect = connect
        self._keys = keys
        self._prefix = prefix
        self._renew_every = visibility_timeout / 4
        self._deliveries = deliveries
        self._gate = gate
        self._signature = signature
        self._content = content
        self._asked_to_stop = asked_to_stop
        self._clock = clock
        self._redis: tuple[Any, Unacked, Callable[[Any], str]] | None = None
        self._seq = 0
        self._sent: Any = None
        self._reported = self._polled = self._renewed = float("-inf")
        self._stop = self._failing = False
        self._reporting = native.allocate_lock()
        self._ended = native.allocate_lock()

    def start(self, timeout: float) -> None:
        """Begin; waits for the first report, so that the operator knows of this start before it holds anything."""
        self._reporting.acquire()
        self._ended.acquire()
        native.start_new_thread(self._run, ())
        self._reporting.acquire(timeout=timeout)

    def finish(self, timeout: float) -> None:
        """Settle the rest, take the report away, and end; waits at most `timeout` seconds."""
        self._stop = True
        self._ended.acquire(timeout=timeout)

    def leave(self, timeout: float, before: Callable[[], None]) -> None:
        """Do what comes `before`, then as `finish`, over a new connection: the old one has perhaps gone silent."""
        self._stop = True
        left = native.allocate_lock()
        left.acquire()

        def say_the_rest() -> None:
            with contextlib.suppress(Exception):
                before()
                self._leave(*self._connect())
            left.release()

        native.start_new_thread(say_the_rest, ())
        left.acquire(timeout=timeout)

    def _run(self) -> None:
        while not self._stop:
            self._try(self._turn)
            native.sleep(TICK)
        self._try(self._leave)
        self._ended.release()

    def _try(self, step: Callable[[Any, Unacked, Callable[[Any], str]], None]) -> None:
        try:
            if self._redis is None:
                self._redis = self._connect()
            step(*self._redis)
            self.answered = self._clock()
            if self._failing:
                native.complain("taskfleet: the broker answers again")
            self._failing = False
        except Exception as error:
            if not self._failing:
                native.complain(f"taskfleet: {type(error).__name__} while talking to the broker; trying on")
            self._failing = True
            if self._gate.lease is not None and self._clock() - self.lease_seen >= LEASE:
                self._gate.lease = None
            if not self._stop:
                native.sleep(1.0)

    def _turn(self, client: Any, names: Unacked, dumps: Callable[[Any], str]) -> None:
        now = self._clock()
        self._settle(client, names, dumps)
        if now - self._polled >= DRAIN_EVERY:
            self._watch_lease(client, now)
        self._report(client, now)
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

    def _watch_lease(self, client: Any, now: float) -> None:
        value = client.get(self._prefix + self._keys.drain)
        if value in STOP:
            self._asked_to_stop()
        self._gate.lease = int(value) if value and value.isdigit() else None
        self._polled = self.lease_seen = now

    def _report(self, client: Any, now: float) -> None:
        signature = self._signature()
        if signature == self._sent and now - self._reported < REPORT_EVERY:
            return
        value = encoded(self._content(), self._seq)
        client.hset(self._prefix + self._keys.reports, self._keys.start, value)
        if self._seq == 0:
            self._reporting.release()
        self._seq += 1
        self._sent = signature
        self._reported = now

    def _leave(self, client: Any, names: Unacked, dumps: Callable[[Any], str]) -> None:
        self._settle(client, names, dumps)
        if not self._deliveries.unsettled:  # else the operator finds what is left by the report
            client.hdel(self._prefix + self._keys.reports, self._keys.start)


def _drop(waiting: deque[Any], done: Any) -> None:
    with contextlib.suppress(ValueError):  # `leave` has been quicker
        waiting.remove(done)
