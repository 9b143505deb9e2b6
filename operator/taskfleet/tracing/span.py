"""A step of the operator in OpenTelemetry's terms, and its JSON: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Value = str | bool | int | float

_INTERNAL = 1
_ERROR = 2
_SAMPLED = 1


@dataclass(frozen=True)
class Span:
    """`began` and `ended` are Unix seconds. `error`: why it has failed; empty if it has not."""

    name: str
    began: float
    ended: float
    attributes: Mapping[str, Value]
    error: str = ""


@dataclass(frozen=True)
class RootSpan:
    """A span that is a trace of its own; the ids are hexadecimal."""

    trace_id: str
    span_id: str
    span: Span


def encoded(resource: Mapping[str, Value], spans: Iterable[RootSpan]) -> bytes:
    """The body of one request."""
    scope = {"scope": {"name": "taskfleet"}, "spans": [_span(one) for one in spans]}
    body = {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}
    return json.dumps(body, separators=(",", ":")).encode()


def _span(root: RootSpan) -> dict[str, Any]:
    span = root.span
    return {
        "traceId": root.trace_id,
        "spanId": root.span_id,
        "flags": _SAMPLED,
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(span.began),
        "endTimeUnixNano": _nanoseconds(span.ended),
        "attributes": _attributes(span.attributes),
        **({"status": {"code": _ERROR, "message": span.error}} if span.error else {}),
    }


def _attributes(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def _nanoseconds(seconds: float) -> str:
    # A float of this size has no more digits.
    return f"{round(seconds * 1e6)}000"
