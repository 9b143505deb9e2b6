"""The native thread that speaks to the broker while the worker's own threads are busy, blocked or reconnecting.

It reports and obeys the drain lease, over a connection of its own. An error only means: again in a second. What it
says and hears is up to the broker: redis_thread.py, amqp_thread.py.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Callable

from taskfleet_worker import native, refusals
from taskfleet_worker.keys import Keys
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.report import encoded

TICK = 0.1
REPORT_EVERY = 2.0
# As long as the operator's lease: who cannot see whether it is renewed consumes again.
LEASE = 30.0
# In place of a lease, for a pod that was deleted before Python could hear of it: bytes, or text as the app asks for.
STOP = (b"stop", "stop")


@dataclass(frozen=True)
class Voice:
    """What the thread has to say, and whom it tells what it hears. `signature` is another one where a report is due."""

    keys: Keys
    prefix: str
    gate: Gate
    signature: Callable[[], Any]
    content: Callable[[], dict[str, Any]]
    asked_to_stop: Callable[[], None]
    clock: Callable[[], float]


def described(error: Exception) -> str:
    """Its type, and what Redis refuses. Its text may quote a message."""
    reply = refusals.code(error)
    return f"{type(error).__name__} ({reply})" if reply else type(error).__name__


class BrokerThread:
    """Runs from `worker_ready` to the end of the process."""

    def __init__(self, voice: Voice) -> None:
        self.answered = voice.clock()
        self.lease_seen = voice.clock()
        self._voice = voice
        self._clock = voice.clock
        self._gate = voice.gate
        self._connection: Any = None
        self._seq = 0
        self._sent: Any = None
        self._reported = float("-inf")
        self._stop = self._failing = False
        self._last_words_until = float("-inf")
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
        self._last_words_until = self._clock() + timeout
        self._stop = True
        if self._ended.acquire(timeout=timeout):
            self._ended.release()

    def leave(self, timeout: float, before: Callable[[], None]) -> None:
        """Do what comes `before`, then as `finish`, over a new connection: the old one has perhaps gone silent."""
        self._stop = True
        left = native.allocate_lock()
        left.acquire()

        def say_the_rest() -> None:
            with contextlib.suppress(Exception):
                before()
                self._leave(self._connect())
            left.release()

        native.start_new_thread(say_the_rest, ())
        left.acquire(timeout=timeout)

    def _connect(self) -> Any:
        raise NotImplementedError

    def _turn(self, connection: Any) -> None:
        """Ten times a second."""
        raise NotImplementedError

    def _leave(self, connection: Any) -> None:
        """The last words."""
        raise NotImplementedError

    def _run(self) -> None:
        while not self._stop:
            self._try(self._turn)
            native.sleep(TICK)
        while not self._try(self._leave) and self._clock() < self._last_words_until:
            native.sleep(TICK)
        self._ended.release()

    def _try(self, step: Callable[[Any], None]) -> bool:
        try:
            if self._connection is None:
                self._connection = self._connect()
            step(self._connection)
            self.answered = self._clock()
            if self._failing:
                native.complain("taskfleet: the broker is reachable again")
            self._failing = False
            return True
        except Exception as error:
            if not self._failing:
                native.complain(
                    f"taskfleet: a request to the broker failed with {described(error)}, retrying"
                )
            self._failing = True
            self._lost()
            if self._gate.lease is not None and self._clock() - self.lease_seen >= LEASE:
                self._gate.lease = None
            if not self._stop:
                native.sleep(1.0)
            return False

    def _lost(self) -> None:
        """A step has failed; a connection that mends itself is kept."""

    def _obey(self, order: Any) -> None:
        """A lease's number, a stop, or anything else for no lease."""
        if order in STOP:
            self._voice.asked_to_stop()
        self._gate.lease = int(order) if order and order.isdigit() else None
        self.lease_seen = self._clock()

    def _report(self, send: Callable[[str], Any], now: float) -> None:
        signature = self._voice.signature()
        if signature == self._sent and now - self._reported < REPORT_EVERY:
            return
        send(encoded(self._voice.content(), self._seq))
        if self._seq == 0:
            self._reporting.release()
        self._seq += 1
        self._sent = signature
        self._reported = now
