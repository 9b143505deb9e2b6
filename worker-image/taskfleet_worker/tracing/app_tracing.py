"""Whether the app traces its tasks itself, by OpenTelemetry's Celery instrumentation: each span would be there twice."""

from __future__ import annotations

import mmap
import sys

_INSTRUMENTATION = "opentelemetry.instrumentation.celery"


class AppTracing:
    """Asked in the worker's main process. A child of prefork tells it over a byte of shared memory."""

    def __init__(self) -> None:
        self._children = mmap.mmap(-1, 1)

    def __bool__(self) -> bool:
        return self._children[0] == 1 or is_instrumented()

    def child_started(self) -> None:
        """In a child, after the app has set it up."""
        if is_instrumented():
            self._children[0] = 1


def is_instrumented() -> bool:
    """In this process. An app that uses it has imported it."""
    module = sys.modules.get(_INSTRUMENTATION)
    # The singleton, once the app has made it. Its constructor is not for us: older versions reset their metrics in it.
    instrumentor = getattr(getattr(module, "CeleryInstrumentor", None), "_instance", None)
    return instrumentor is not None and bool(instrumentor.is_instrumented_by_opentelemetry)
