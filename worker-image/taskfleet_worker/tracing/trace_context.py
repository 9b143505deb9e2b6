"""Which trace an execution belongs to, and whether it is sampled. Pure but for random ids.

https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from os import urandom
from typing import Any, NamedTuple

MAX_STATE = 512
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_SAMPLED = 0x01


class TraceContext(NamedTuple):
    """Hexadecimal ids; `parent_id` is empty where no producer names a span, `state` where it sends no tracestate."""

    trace_id: str
    parent_id: str = ""
    state: str = ""


def sampled_context(headers: Mapping[str, Any], ratio: float) -> TraceContext | None:
    """Of a message with these headers; None: not sampled. A producer's decision holds, else the share `ratio` decides."""
    traceparent = headers.get("traceparent")
    parsed = _parsed(traceparent) if isinstance(traceparent, str) else None
    if parsed is not None:
        trace_id, parent_id, flags = parsed
        return TraceContext(trace_id, parent_id, _state(headers)) if flags & _SAMPLED else None
    trace = _own_trace(headers.get("root_id"))
    # As OpenTelemetry's TraceIdRatioBased: all executions of one trace are sampled, or none.
    if int.from_bytes(trace[8:], "big") >= ratio * 2**64:
        return None
    return TraceContext(trace.hex())


def new_span_id() -> str:
    """Not from `random`, which an app may seed."""
    return urandom(8).hex()


def _parsed(traceparent: str) -> tuple[str, str, int] | None:
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    # A later version may add fields; what is known of it holds.
    if version == "ff" or (version == "00" and more) or not (int(trace_id, 16) and int(parent_id, 16)):
        return None
    return trace_id, parent_id, int(flags, 16)


def _state(headers: Mapping[str, Any]) -> str:
    state = headers.get("tracestate")
    valid = isinstance(state, str) and len(state) <= MAX_STATE and state.isascii() and state.isprintable()
    return str(state) if valid else ""


def _own_trace(root_id: Any) -> bytes:
    """One for all tasks that one task has brought about, their retries and redeliveries, in whatever process they run.

    An id that is no UUID may have been chosen, and be used again and again.
    """
    if isinstance(root_id, str) and _UUID.fullmatch(root_id):
        return blake2b(root_id.encode(), digest_size=16).digest()
    return urandom(16)
