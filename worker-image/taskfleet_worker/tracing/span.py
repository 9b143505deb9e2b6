"""One execution of a task, as OpenTelemetry's Celery instrumentation and its conventions for messaging describe it."""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from taskfleet_worker.tracing.trace_context import TraceContext

Value = Union[str, bool, int, float]


class Event(NamedTuple):
    """`at`: Unix time."""

    name: str
    at: float
    attributes: dict[str, Value]


class Span:
    """Times are Unix seconds. `error`: why it has failed; empty if it has not."""

    __slots__ = ("attributes", "began", "context", "ended", "error", "events", "name", "span_id")

    def __init__(
        self, context: TraceContext, span_id: str, name: str, began: float, attributes: dict[str, Any]
    ) -> None:
        self.context = context
        self.span_id = span_id
        self.name = name
        self.began = began
        self.ended = began
        # Those that are known.
        self.attributes: dict[str, Value] = {
            key: value for key, value in attributes.items() if value is not None
        }
        self.events: list[Event] = []
        self.error = ""
