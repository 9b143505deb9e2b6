"""Tracing of one worker, where its WorkerPool asks for it: the tracer, the thread that sends, and what to say of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Callable

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.keys import Keys
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.settings import Settings, TraceSettings
from taskfleet_worker.tracing.app_tracing import AppTracing
from taskfleet_worker.tracing.pairs import pairs
from taskfleet_worker.tracing.span import Value
from taskfleet_worker.tracing.tracer import Tracer

if TYPE_CHECKING:
    from taskfleet_worker.tracing.exporter import Exporter

# As OpenTelemetry names brokers; others are named as kombu does.
_SYSTEMS = {"amqp": "rabbitmq"}
# Seconds for the last spans, as long as for the last words to the broker.
LAST_SPANS = 2.0


class Tracing:
    """`app`: whether the app traces its tasks itself."""

    def __init__(self, tracer: Tracer, exporter: Exporter, app: AppTracing) -> None:
        self.tracer = tracer
        self.app = app
        self._exporter = exporter

    @property
    def note(self) -> str | None:
        if self.app:
            return "The app's OpenTelemetry instrumentation traces its tasks, so Taskfleet sends no spans of them."
        if self.tracer.unmade:
            return f"{self.tracer.unmade} spans were not made, because of their messages' headers."
        return self._exporter.note

    def start(self, driver_type: str) -> None:
        """The worker fetches from now on, from a broker of this type."""
        self.tracer.system = _SYSTEMS.get(driver_type, driver_type)
        self._exporter.start()

    def finish(self) -> None:
        """The process leaves, with what still runs. May be called again."""
        self.tracer.interrupt()
        self._exporter.finish(LAST_SPANS)


def tracing_of(
    settings: Settings,
    keys: Keys,
    environment: Mapping[str, str],
    *,
    deliveries: Deliveries,
    gate: Gate,
    clock: Callable[[], float],
) -> Tracing | None:
    """None: its WorkerPool does not ask for it. Raises ValueError."""
    traces = settings.traces
    if traces is None:
        return None
    # Not before gevent and eventlet have patched what these import, and not where nobody asks for it.
    from taskfleet_worker.tracing.collector import collector_of
    from taskfleet_worker.tracing.exporter import Exporter

    app = AppTracing()
    tracer = Tracer(deliveries, gate, sampling=traces.sampling, traced_by_app=app.__bool__)
    resource = resource_of(traces, settings.namespace, keys.start, environment)
    return Tracing(tracer, Exporter(tracer.waiting, collector_of(traces, environment), resource, clock), app)


def resource_of(
    traces: TraceSettings, namespace: str, start: str, environment: Mapping[str, str]
) -> dict[str, Value]:
    """What OpenTelemetry's own variables say comes first, as in an SDK."""
    service = environment.get("OTEL_SERVICE_NAME")
    return {
        "service.name": traces.service,
        "service.namespace": namespace,
        "service.instance.id": start,
        "k8s.namespace.name": namespace,
        "k8s.pod.name": environment["POD_NAME"],
        "telemetry.sdk.name": "taskfleet",
        "telemetry.sdk.language": "python",
        **pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", "")),
        **({"service.name": service} if service else {}),
    }
