"""What became of every task, by its name and queue, as the worker's main process sees it on every pool.

The worker's threads only append what they see to a deque, which the interpreter does at once. The native thread alone
adds it up, so no count is lost between two threads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from time import time
from typing import Any, NamedTuple

from taskfleet_worker.deliveries import Deliveries

# Upper bounds in seconds: those of celery-exporter, and longer ones, as tasks of hours are not rare.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1800, 3600)
# In place of a name, queue or exception beyond the limits; not the name of any task.
OTHER = "other"
MAX_NAMES = 200
MAX_QUEUES = 100
MAX_EXCEPTIONS = 20  # of one task
MAX_NAME = 200
MAX_EXCEPTION = 80
_LIMITS = ("TimeLimitExceeded", "SoftTimeLimitExceeded")


class Field(NamedTuple):
    """What one total counts. `name` is empty for what is counted by queue only; `detail` is an exception or a bound."""

    kind: str
    name: str
    queue: str
    detail: str = ""


class Run:
    """One message of a task in this process. Its first outcome holds."""

    __slots__ = ("has_started", "is_over", "name", "queue")

    def __init__(self, name: str, queue: str) -> None:
        self.name = name
        self.queue = queue
        self.has_started = self.is_over = False


Seen = tuple[str, Run, Any]
"""What has happened, to what, and the exception's name or the seconds that belong to it."""


class Outcomes:
    """Told by Celery's request of each step of a task (patches/request.py, patches/pool_calls.py).

    `totals` counts since the start of the process; only the thread that calls `add_up` reads it.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self.totals: dict[Field, int] = {}
        # Tasks that run, by name and queue: what a process that dies leaves behind.
        self.running: dict[Field, int] = {}
        # Whether anybody adds up: a broker of another kind has no thread.
        self.followed = False
        # For the report: why nothing is counted.
        self.note: str | None = None
        self._deliveries = deliveries
        self._seen: deque[Seen] = deque()
        self._names: set[str] = set()
        self._queues: set[str] = set()
        self._exceptions: dict[str, set[str]] = {}

    def listen(self) -> None:
        """To be called before the worker starts."""
        from celery.signals import task_received

        task_received.connect(self._received, weak=False)

    def _received(self, request: Any, **_: Any) -> None:
        self._see("received", request)

    def started(self, request: Any) -> None:
        """The pool runs it."""
        run = self._run(request)
        if run.has_started or run.is_over:
            return
        run.has_started = True
        self._note("started", run, waited(request))

    def succeeded(self, request: Any, runtime: float | None) -> None:
        """`runtime` in seconds, as its process measured it; None where its result was there before."""
        self._end("succeeded", request, runtime)

    def failed(self, request: Any, error: BaseException) -> None:
        """Whether by an exception, a time limit or with its process: it will not run again."""
        self._end("failed", request, exception_name(error))

    def ended(self, request: Any, outcome: str) -> None:
        """It was retried, rejected, ignored or revoked, or expired."""
        self._end(outcome, request)

    def lost(self, request: Any) -> None:
        """It was interrupted and its message goes back."""
        if self._run(request).has_started:
            self._end("lost", request)

    def _end(self, outcome: str, request: Any, value: Any = None) -> None:
        run = self._run(request)
        if not run.is_over:
            run.is_over = True
            self._note(outcome, run, value)

    def _see(self, what: str, request: Any) -> None:
        self._note(what, self._run(request), None)

    def _note(self, what: str, run: Run, value: Any) -> None:
        if self.followed:
            self._seen.append((what, run, value))

    def _run(self, request: Any) -> Run:
        run: Run | None = request.__dict__.get("_taskfleet_run")
        if run is None:
            message = request.message
            delivery = self._deliveries.held.get(message.delivery_tag)
            queue = delivery.queue if delivery else str(message.delivery_info.get("routing_key"))
            run = request._taskfleet_run = Run(str(request.task.name), queue)
        return run

    def add_up(self) -> bool:
        """Count what was seen since the last call; whether there was anything."""
        seen = self._seen
        news = len(seen)
        for _ in range(news):
            self._count(*seen.popleft())
        return bool(news)

    def interrupt(self) -> None:
        """The process leaves, and what runs goes back or is lost: it is counted as such."""
        self.add_up()
        for field, running in self.running.items():
            if running > 0:
                self._add(field._replace(kind="lost"), running)
        self.running = dict.fromkeys(self.running, 0)

    def _count(self, what: str, run: Run, value: Any) -> None:
        name = _bounded(run.name, self._names, MAX_NAMES, MAX_NAME)
        queue = _bounded(run.queue, self._queues, MAX_QUEUES, MAX_NAME)
        if what == "started":
            self._moved(name, queue, 1)
            self._measure("wait", queue, value)
        elif what != "received" and run.has_started:
            self._moved(name, queue, -1)
        if what == "succeeded" and value is not None:
            self._add(Field("runtimeCount", name, queue))
            self._add(Field("runtimeMicroseconds", name, queue), _microseconds(value))
            self._add(Field("runtimeBucket", "", queue, bound_of(value)))
        if what == "expired":
            self._add(Field("revoked", name, queue))
        if what == "failed":
            classes = self._exceptions.setdefault(name, set())
            self._add(Field("failed", name, queue, _bounded(value, classes, MAX_EXCEPTIONS, MAX_EXCEPTION)))
            if value in _LIMITS:
                self._add(Field("timedOut", name, queue))
        else:
            self._add(Field(what, name, queue))

    def _measure(self, kind: str, queue: str, seconds: float | None) -> None:
        if seconds is not None:
            self._add(Field(f"{kind}Microseconds", "", queue), _microseconds(seconds))
            self._add(Field(f"{kind}Bucket", "", queue, bound_of(seconds)))

    def _moved(self, name: str, queue: str, by: int) -> None:
        field = Field("running", name, queue)
        self.running[field] = self.running.get(field, 0) + by

    def _add(self, field: Field, by: int = 1) -> None:
        self.totals[field] = self.totals.get(field, 0) + by


def bound_of(seconds: float) -> str:
    """The bucket of a histogram, by its upper bound as Prometheus writes it."""
    at = bisect_left(BOUNDS, seconds)
    return f"{BOUNDS[at]:.15g}" if at < len(BOUNDS) else "+Inf"


def waited(request: Any, now: float | None = None) -> float | None:
    """Seconds from its ETA, or from when its producer sent it, to `now`; None where the message does not tell.

    The time of sending is the property or header `timestamp`, in Unix seconds. A message that was delivered before has
    waited for more than its turn, so it tells nothing.
    """
    message = request.message
    if (message.delivery_info or {}).get("redelivered"):
        return None
    since = request.eta.timestamp() if request.eta is not None else _sent_at(message)
    return None if since is None else max(0.0, (time() if now is None else now) - since)


def _sent_at(message: Any) -> float | None:
    for place in (message.properties, message.headers):
        sent = place.get("timestamp") if isinstance(place, dict) else None
        # Within this century: what else a header of this name may hold is not taken for a time.
        if isinstance(sent, (int, float)) and not isinstance(sent, bool) and 1e9 < sent < 4e9:
            return float(sent)
    return None


def exception_name(error: BaseException) -> str:
    """The name of its class without the module, as celery-exporter has it."""
    # One that cannot be pickled comes from prefork's child in Celery's wrapper.
    wrapped = getattr(error, "exc_cls_name", None)
    return wrapped if isinstance(wrapped, str) else type(error).__name__


def _microseconds(seconds: float) -> int:
    return max(0, round(seconds * 1e6))


def _bounded(text: str, known: set[str], most: int, longest: int) -> str:
    if text in known:
        return text
    short = text[:longest]
    if not short.isprintable() or not short:
        return OTHER
    if short not in known:
        if len(known) >= most:
            return OTHER
        known.add(short)
    return short
