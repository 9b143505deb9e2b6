"""The native thread that sends spans. A collector that is away, slow or hostile costs spans, which are counted, and no task."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Callable

from taskfleet_worker import native
from taskfleet_worker.tracing.collector import TIMEOUT, Collector, close
from taskfleet_worker.tracing.otlp import encoded, rejected
from taskfleet_worker.tracing.span import Span, Value
from taskfleet_worker.tracing.waiting_spans import WaitingSpans

EVERY = 1.0
_AT_ONCE = 512
# After a failure: this long, then twice as long each time.
_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
# OTLP: the same spans may be sent again. Any other error means that they never will be taken.
_AGAIN = (429, 502, 503, 504)


class Exporter:
    """Runs from `worker_ready` to the end of the process."""

    def __init__(
        self,
        waiting: WaitingSpans,
        collector: Collector,
        resource: Mapping[str, Value],
        clock: Callable[[], float],
    ) -> None:
        self._waiting = waiting
        self._collector = collector
        self._resource = resource
        self._clock = clock
        self._batch: list[Span] = []
        self._refused = 0
        self._failures = 0
        self._due = float("-inf")
        self._why: str | None = None
        self._started = self._stop = False
        self._wake = native.allocate_lock()
        self._ended = native.allocate_lock()

    @property
    def note(self) -> str | None:
        """For the report: what the collector has not taken, and why."""
        lost = self._refused + self._waiting.dropped
        why = self._why or "tasks end faster than the collector answers"
        if lost:
            return f"{lost} spans were dropped: {why}."
        return f"Spans wait to be sent: {why}." if self._failures else None

    def start(self) -> None:
        self._wake.acquire()
        self._ended.acquire()
        self._started = True
        native.start_new_thread(self._run, ())

    def finish(self, timeout: float) -> None:
        """Send the rest and end; waits at most `timeout` seconds. May be called again."""
        if not self._started:
            return
        if not self._stop:
            self._stop = True
            self._wake.release()
        if self._ended.acquire(timeout=timeout):
            self._ended.release()

    def _run(self) -> None:
        while not self._stop:
            self._wake.acquire(timeout=EVERY)
            if not self._stop and self._clock() >= self._due:
                self._send()
        self._send()
        self._ended.release()

    def _send(self) -> None:
        """All that waits, over one connection: none is kept that the other side may have closed."""
        self._batch = self._batch or self._waiting.take(_AT_ONCE)
        if not self._batch:
            return
        connection: HTTPConnection | None = None
        try:
            connection = self._collector.connect(TIMEOUT)
            while self._batch and self._taken(connection):
                self._batch = self._waiting.take(_AT_ONCE)
        except Exception as error:  # such as http.client's own of a hostile answer
            self._failed(f"the collector cannot be reached ({type(error).__name__})")
        finally:
            if connection is not None:
                close(connection)

    def _taken(self, connection: HTTPConnection) -> bool:
        """Whether the batch is done with."""
        status, answer = self._collector.post(connection, encoded(self._resource, self._batch))
        if status in _AGAIN:
            self._failed(f"the collector answers {status}")
            return False
        if 200 <= status < 300:
            if self._failures:
                native.complain("taskfleet: the collector of traces takes spans again")
            self._refused += rejected(answer)
        else:
            self._refused += len(self._batch)
            self._why = f"the collector answers {status}"
        self._failures = 0
        return True

    def _failed(self, why: str) -> None:
        if not self._failures:
            native.complain(f"taskfleet: traces cannot be sent, retrying: {why}")
        self._why = why
        self._due = self._clock() + min(_LONGEST_PAUSE, _PAUSE * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
