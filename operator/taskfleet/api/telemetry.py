"""What a WorkerPool's pods tell others than the operator."""

from typing import Annotated

from taskfleet.api.base import Model
from taskfleet.api.references import SecretKeyRef
from taskfleet.api.schema import Limits, Rule

_HOST = r"([A-Za-z0-9_][A-Za-z0-9._-]*|\\[[0-9A-Fa-f:.]+\\])"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_PATH = r"[A-Za-z0-9._~%/-]*"


class Otlp(Model):
    """Traces to an OpenTelemetry collector, over HTTP."""

    endpoint: Annotated[
        str,
        Limits(minLength=1, maxLength=1000),
        Rule(
            f"self.matches('^https?://{_HOST}(:{_PORT})?(/{_PATH})?$')",
            'the endpoint "{self}" is not valid: use http or https with a host, such as http://collector:4318, '
            "without user and query. Credentials belong into headersSecretRef.",
        ),
    ]
    """The collector's base URL, as OTEL_EXPORTER_OTLP_ENDPOINT: /v1/traces is added to it."""

    headers_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds headers of each request, as OTEL_EXPORTER_OTLP_HEADERS:
    api-key=abc,x-tenant=shop."""

    sampling: Annotated[float, Limits(minimum=0, maximum=1)] = 1.0
    """The share of traces to send, of messages whose producer has not decided. A producer that sends a traceparent
    has."""


class Telemetry(Model):
    """What is sent to other systems. By default nothing."""

    otlp: Otlp | None = None
    """Sends a span of each execution of a task to an OpenTelemetry collector, unless the app's own OpenTelemetry
    instrumentation of Celery does."""
