"""Spans in the JSON of OTLP, which needs no library: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from taskfleet_worker.tracing.span import Event, Span, Value

_CONSUMER = 5
_ERROR = 2
# The parent is in another process, and that is known.
_REMOTE = 0x300
_SAMPLED = 0x1


def encoded(resource: Mapping[str, Value], spans: Iterable[Span]) -> bytes:
    """The body of one request."""
    scope = {"scope": {"name": "taskfleet"}, "spans": [_span(one) for one in spans]}
    body = {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}
    return json.dumps(body, separators=(",", ":")).encode()


def rejected(answer: bytes) -> int:
    """How many spans of an accepted request the collector says that it has not taken."""
    try:
        return max(0, int(json.loads(answer)["partialSuccess"]["rejectedSpans"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0


def _span(span: Span) -> dict[str, Any]:
    context = span.context
    parent = {"parentSpanId": context.parent_id} if context.parent_id else {}
    return {
        "traceId": context.trace_id,
        "spanId": span.span_id,
        **parent,
        **({"traceState": context.state} if context.state else {}),
        "flags": _SAMPLED | (_REMOTE if parent else 0),
        "name": span.name,
        "kind": _CONSUMER,
        "startTimeUnixNano": _nanoseconds(span.began),
        "endTimeUnixNano": _nanoseconds(span.ended),
        "attributes": _attributes(span.attributes),
        **({"events": [_event(one) for one in span.events]} if span.events else {}),
        **({"status": {"code": _ERROR, "message": span.error}} if span.error else {}),
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "timeUnixNano": _nanoseconds(event.at),
        "name": event.name,
        "attributes": _attributes(event.attributes),
    }


def _attributes(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}


def _nanoseconds(seconds: float) -> str:
    # A float of this size has no more digits.
    return f"{round(seconds * 1e6)}000"
