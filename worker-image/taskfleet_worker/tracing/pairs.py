"""The form of OpenTelemetry's variables that hold several values."""

from __future__ import annotations

from urllib.parse import unquote


def pairs(text: str) -> dict[str, str]:
    """Of the form of OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES: `k=v,k2=v2`, percent-encoded."""
    found = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            found[unquote(name.strip())] = unquote(value.strip())
    return found
