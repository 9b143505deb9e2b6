"""Makes a span of each sampled execution, as the worker's main process sees it on every pool.

Told by `Outcomes`, so a span begins and ends exactly where a task is counted as started and as ended.
"""

from __future__ import annotations

from time import time
from typing import Any, Callable

from taskfleet_worker.deliveries import LOSSES, Deliveries
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.pool.failures import MAX_ID, MAX_TRACEBACK, cut, text_of
from taskfleet_worker.pool.outcomes import MAX_EXCEPTION, MAX_NAME, exception_name
from taskfleet_worker.tracing.span import Event, Span
from taskfleet_worker.tracing.trace_context import new_span_id, sampled_context
from taskfleet_worker.tracing.waiting_spans import WaitingSpans

# Celery's own word for what an execution has come to, where it has one.
_STATES = {
    "succeeded": "SUCCESS",
    "failed": "FAILURE",
    "retried": "RETRY",
    "rejected": "REJECTED",
    "ignored": "IGNORED",
    "revoked": "REVOKED",
}


class Tracer:
    """`traced_by_app` is asked as a span ends; `system`: the broker, as OpenTelemetry names it."""

    def __init__(
        self, deliveries: Deliveries, gate: Gate, *, sampling: float, traced_by_app: Callable[[], bool]
    ) -> None:
        self.system = "redis"
        self.waiting = WaitingSpans()
        # How many could not be made.
        self.unmade = 0
        self._deliveries = deliveries
        self._gate = gate
        self._sampling = sampling
        self._traced_by_app = traced_by_app
        # By identity: those of tasks that run.
        self._open: dict[int, Span] = {}

    def begin(self, request: Any, queue: str, waited: float | None) -> Span | None:
        """The pool runs it; None: it is not sampled. Whatever a sender's headers hold, the task runs."""
        try:
            return self._begin(request, queue, waited)
        except Exception:
            self.unmade += 1
            return None

    def _begin(self, request: Any, queue: str, waited: float | None) -> Span | None:
        context = sampled_context(request.message.headers or {}, self._sampling)
        if context is None:
            return None
        name = cut(request.task.name, MAX_NAME)
        # When its process began it, by the clock of this node.
        began = request.time_start or time()
        span = Span(context, new_span_id(), f"run/{name}", began, self._attributes(request, name, queue))
        if waited is not None:
            span.attributes["taskfleet.wait"] = round(waited, 6)
        self._open[id(span)] = span
        return span

    def end(
        self,
        span: Span,
        outcome: str,
        *,
        runtime: float | None = None,
        error: BaseException | None = None,
        traceback: str = "",
    ) -> None:
        """`runtime` in seconds, as its process measured it."""
        if self._open.pop(id(span), None) is None:
            return
        span.ended = max(span.began, time() if runtime is None else span.began + runtime)
        span.attributes["taskfleet.outcome"] = outcome
        if outcome in _STATES:
            span.attributes["celery.state"] = _STATES[outcome]
        closed_at = self._gate.closed_at
        if closed_at is not None and span.began <= closed_at <= span.ended:
            span.events.append(Event("drain", closed_at, {}))
        if outcome == "interrupted":
            span.error = "The task was interrupted, and its message goes back to its queue."
            span.events.append(Event("requeue", span.ended, {}))
        if error is not None:
            _note_error(span, error, traceback)
        if not self._traced_by_app():
            self.waiting.add(span)

    def interrupt(self) -> None:
        """The process leaves with what still runs."""
        for span in list(self._open.values()):
            self.end(span, "interrupted")

    def _attributes(self, request: Any, name: str, queue: str) -> dict[str, Any]:
        headers = request.message.headers or {}
        return {
            "celery.action": "run",
            "celery.task_name": name,
            "celery.hostname": request.hostname,
            "celery.retries": _number(headers.get("retries")),
            "celery.root_id": cut(headers["root_id"], MAX_ID) if headers.get("root_id") else None,
            "messaging.system": self.system,
            "messaging.operation.type": "process",
            "messaging.operation.name": "run",
            "messaging.destination.name": cut(queue, MAX_NAME),
            "messaging.message.id": cut(request.id, MAX_ID),
            "taskfleet.redeliveries": self._redeliveries(request.message),
        }

    def _redeliveries(self, message: Any) -> int:
        """At least so many: not every requeue is counted in a message, but one that was requeued says so."""
        delivery = self._deliveries.held.get(message.delivery_tag)
        lost = _number(delivery.payload.get(LOSSES)) if delivery is not None else 0
        counted = _number((message.headers or {}).get("x-delivery-count"))  # by a quorum queue
        once = bool((message.delivery_info or {}).get("redelivered"))
        return max(lost, counted, int(once))


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _note_error(span: Span, error: BaseException, traceback: str) -> None:
    """As OpenTelemetry records an exception."""
    kind, text = cut(exception_name(error), MAX_EXCEPTION), text_of(error)
    span.error = f"{kind}: {text}" if text else kind
    span.attributes["error.type"] = kind
    stack = cut(traceback[-MAX_TRACEBACK:], 4 * MAX_TRACEBACK)
    told = {"exception.type": kind, "exception.message": text, "exception.stacktrace": stack}
    span.events.append(Event("exception", span.ended, {key: value for key, value in told.items() if value}))
