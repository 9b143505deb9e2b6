"""What became of every task, by its name and queue, as the worker's main process sees it on every pool.

The worker's threads only append what they see to a deque, which the interpreter does at once. The native thread alone
adds it up, so no count is lost between two threads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterator
from time import time
from typing import Any, Callable, Protocol

from taskfleet_worker import native
from taskfleet_worker.deliveries import Deliveries, Delivery

# Upper bounds in seconds: those of celery-exporter, and longer ones, as tasks of hours are not rare.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1800, 3600)
_TEXTS = (*(f"{bound:.15g}" for bound in BOUNDS), "+Inf")
# In place of a name, queue or exception beyond the limits; not the name of any task.
OTHER = "other"
MAX_NAMES = 200
MAX_QUEUES = 100
MAX_EXCEPTIONS = 20  # of one task
MAX_NAME = 200
MAX_EXCEPTION = 80
# Pairs of a name and a queue that are remembered; any others are looked at again each time.
_MOST_FOUND = 10_000
# Seconds; a sum of microseconds must not exceed what Redis can add up, whatever ETA a message has.
MAX_WAIT = 30 * 24 * 3600.0
_LIMITS = ("TimeLimitExceeded", "SoftTimeLimitExceeded")


Field = tuple[str, str, str, str]
"""What one total counts: its kind, the task, the queue, and the exception or the bound of a bucket. The task is empty for
what is counted by queue."""


class OfQueue:
    """What is measured by queue: how many in each bucket, and the seconds of all waits."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runtimes = [0] * len(_TEXTS)
        self.waits = [0] * len(_TEXTS)
        self.waited = 0.0

    def totals(self) -> Iterator[tuple[Field, int]]:
        for kind, buckets in (("runtimeBucket", self.runtimes), ("waitBucket", self.waits)):
            for text, total in zip(_TEXTS, buckets):
                if total:
                    yield (kind, "", self.name, text), total
        if any(self.waits):
            yield ("waitMicroseconds", "", self.name, ""), round(self.waited * 1e6)


class OfTask:
    """What is counted of a task on a queue. `running`: now; `runtime`: seconds of the `runtimes` that were measured."""

    def __init__(self, name: str, queue: OfQueue) -> None:
        self.name = name
        self.queue = queue
        self.counts: dict[str, int] = {}
        self.exceptions: dict[str, int] = {}
        self.running = 0
        self.runtimes = 0
        self.runtime = 0.0

    def add(self, kind: str, by: int = 1) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + by

    def totals(self) -> Iterator[tuple[Field, int]]:
        queue = self.queue.name
        for kind, total in self.counts.items():
            yield (kind, self.name, queue, ""), total
        for exception, total in self.exceptions.items():
            yield ("failed", self.name, queue, exception), total
        if self.runtimes:
            yield ("runtimeCount", self.name, queue, ""), self.runtimes
            yield ("runtimeMicroseconds", self.name, queue, ""), round(self.runtime * 1e6)


class Run:
    """One message of a task in this process. Its first outcome holds.

    `queue`: its name as it is; `delivery`: None once the message is a dead letter; `began`: as `native.monotonic`;
    `span`: the tracer's, None if it is not sampled.
    """

    __slots__ = ("began", "delivery", "has_started", "is_over", "queue", "span", "task")

    def __init__(self, task: OfTask, queue: str, delivery: Delivery | None) -> None:
        self.task = task
        self.queue = queue
        self.delivery = delivery
        self.began: float | None = None
        self.span: Any = None
        self.has_started = self.is_over = False


Seen = tuple[str, Run, Any]
"""What has happened, to what, and the exception's name or the seconds that belong to it."""


class Tracer(Protocol):
    """Makes spans of executions (tracing/tracer.py)."""

    def begin(self, request: Any, queue: str, waited: float | None) -> Any: ...

    def end(
        self,
        span: Any,
        outcome: str,
        *,
        runtime: float | None = None,
        error: BaseException | None = None,
        traceback: str = "",
    ) -> None: ...


class Outcomes:
    """Told by Celery's request of each step of a task (patches/request.py, patches/pool_calls.py).

    Only the thread that calls `add_up` reads what is counted. `record` gets each failure, and its traceback where there
    is one; `keeps_messages`: it also looks at the message, however early that is acknowledged.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        record: Callable[[Any, Run, BaseException, str], None] = lambda *_: None,
        *,
        keeps_messages: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        self._record = record
        self._keeps_messages = keeps_messages
        self._tracer = tracer
        # Whether anybody adds up: a broker of another kind has no thread.
        self.followed = False
        # For the report: why nothing is counted.
        self.note: str | None = None
        self._deliveries = deliveries
        self._seen: deque[Seen] = deque()
        # As they are first, then by what they count as.
        self._found: dict[tuple[str, str], OfTask] = {}
        self._tasks: dict[tuple[str, str], OfTask] = {}
        self._queues: dict[str, OfQueue] = {}
        self._names: set[str] = set()

    def listen(self) -> None:
        """To be called before the worker starts."""
        from celery.signals import task_received

        task_received.connect(self._received, weak=False)

    def _received(self, request: Any, **_: Any) -> None:
        if self.followed:
            self._seen.append(("received", self._run(request), None))

    def started(self, request: Any) -> None:
        """The pool runs it."""
        run = self._run(request)
        if run.has_started or run.is_over:
            return
        run.has_started = True
        run.began = native.monotonic()
        wait = waited(request) if self.followed or self._tracer is not None else None
        if self.followed:
            self._seen.append(("started", run, wait))
        if self._tracer is not None:
            run.span = self._tracer.begin(request, run.queue, wait)

    def succeeded(self, request: Any, runtime: float | None) -> None:
        """`runtime` in seconds, as its process measured it; None where its result was there before."""
        if self._end("succeeded", request, runtime):
            self._end_span("succeeded", request, runtime=runtime)

    def failed(self, request: Any, error: BaseException, traceback: str = "") -> None:
        """Whether by an exception, a time limit or with its process: it will not run again."""
        if not self._end("failed", request, exception_name(error)):
            return
        self._end_span("failed", request, error=error, traceback=traceback)
        if self.followed:
            self._record(request, self._run(request), error, traceback)

    def dead_lettered(self, request: Any) -> None:
        """Its message is requeued from there, if at all."""
        self._run(request).delivery = None

    def ended(self, request: Any, outcome: str) -> None:
        """It was retried, rejected, ignored or revoked, or expired."""
        if self._end(outcome, request):
            self._end_span(outcome, request)

    def interrupted(self, request: Any) -> None:
        """It ended with its process or its connection, and its message goes back."""
        if self._run(request).has_started:
            self.ended(request, "interrupted")

    def _end_span(self, outcome: str, request: Any, **known: Any) -> None:
        span = self._run(request).span
        if span is not None and self._tracer is not None:
            self._tracer.end(span, outcome, **known)

    def _end(self, outcome: str, request: Any, value: Any = None) -> bool:
        """Whether this was its first outcome."""
        run = self._run(request)
        if run.is_over:
            return False
        run.is_over = True
        if self.followed:
            self._seen.append((outcome, run, value))
        return True

    def _run(self, request: Any) -> Run:
        run: Run | None = request.__dict__.get("_taskfleet_run")
        if run is None:
            message = request.message
            delivery = self._deliveries.held.get(message.delivery_tag)
            queue = delivery.queue if delivery else str((message.delivery_info or {}).get("routing_key"))
            kept = delivery if self._keeps_messages else None
            run = request._taskfleet_run = Run(self._task(request.task.name, queue), queue, kept)
        return run

    def _task(self, name: str, queue: str) -> OfTask:
        found = self._found.get((name, queue))
        if found is None:
            of_queue = _bounded(queue, self._queues, MAX_QUEUES, MAX_NAME)
            of_name = _bounded(str(name), self._names, MAX_NAMES, MAX_NAME)
            self._names.add(of_name)
            place = self._queues.setdefault(of_queue, OfQueue(of_queue))
            found = self._tasks.setdefault((of_name, of_queue), OfTask(of_name, place))
            if len(self._found) < _MOST_FOUND:
                self._found[name, queue] = found
        return found

    def totals(self) -> dict[Field, int]:
        """Everything since the start of the process."""
        parts: list[OfTask | OfQueue] = [*self._tasks.values(), *self._queues.values()]
        return {field: total for part in parts for field, total in part.totals()}

    def running(self) -> dict[Field, int]:
        """Tasks that run, by name and queue: what a process that dies leaves behind."""
        return {
            ("running", task.name, task.queue.name, ""): task.running
            for task in list(self._tasks.values())
            if task.counts.get("started")
        }

    def add_up(self) -> bool:
        """Count what was seen since the last call; whether there was anything."""
        seen = self._seen
        news = len(seen)
        for _ in range(news):
            _count(*seen.popleft())
        return bool(news)

    def interrupt(self) -> None:
        """The process leaves, and what runs goes back or is lost: it is counted as such."""
        self.add_up()
        for task in list(self._tasks.values()):
            if task.running > 0:
                task.add("interrupted", task.running)
            task.running = 0


def _count(what: str, run: Run, value: Any) -> None:
    task = run.task
    if what != "failed":
        task.add(what)
    if what == "received":
        return
    if what == "started":
        task.running += 1
        if value is not None:
            task.queue.waits[bisect_left(BOUNDS, value)] += 1
            task.queue.waited += value
        return
    if run.has_started:
        task.running -= 1
    if what == "succeeded" and value is not None:
        task.runtimes += 1
        task.runtime += max(0.0, value)
        task.queue.runtimes[bisect_left(BOUNDS, value)] += 1
    elif what == "expired":
        task.add("revoked")
    elif what == "failed":
        exception = _bounded(value, task.exceptions, MAX_EXCEPTIONS, MAX_EXCEPTION)
        task.exceptions[exception] = task.exceptions.get(exception, 0) + 1
        if value in _LIMITS:
            task.add("timedOut")


def waited(request: Any, now: float | None = None) -> float | None:
    """Seconds from its ETA, or from when its producer sent it, to `now`; None where the message does not tell.

    The time of sending is the property or header `timestamp`, in Unix seconds. A message that was delivered before has
    waited for more than its turn, so it tells nothing.
    """
    message, eta = request.message, request.eta
    since = eta.timestamp() if eta is not None else _sent_at(message)
    if since is None or (message.delivery_info or {}).get("redelivered"):
        return None
    return min(MAX_WAIT, max(0.0, (time() if now is None else now) - since))


def _sent_at(message: Any) -> float | None:
    for place in (message.properties, message.headers):
        if not place or "timestamp" not in place:
            continue
        sent = place["timestamp"]
        # Within this century: what else a header of this name may hold is not taken for a time.
        if isinstance(sent, (int, float)) and not isinstance(sent, bool) and 1e9 < sent < 4e9:
            return float(sent)
    return None


def exception_name(error: BaseException) -> str:
    """The name of its class without the module, as celery-exporter has it."""
    # One that cannot be pickled comes from prefork's child in Celery's wrapper.
    wrapped = getattr(error, "exc_cls_name", None)
    return wrapped if isinstance(wrapped, str) else type(error).__name__


def _bounded(text: str, known: Collection[str], most: int, longest: int) -> str:
    """`text`, cut to `longest`, if it is known or there is room for it; else OTHER."""
    short = text[:longest]
    if short in known:
        return short
    return short if len(known) < most and short.isprintable() and short else OTHER
