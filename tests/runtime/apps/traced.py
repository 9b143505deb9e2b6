"""An app with OpenTelemetry's Celery instrumentation, set up as its module is imported or in each child of prefork."""

import os
import sys
from types import ModuleType
from typing import Any

import redis
from celery import Celery
from celery.signals import worker_process_init

app = Celery("traced")
app.conf.task_ignore_result = True


class CeleryInstrumentor:
    """In place of the library's, which no test environment has: a singleton, of which nobody but the app makes one."""

    _instance = None
    is_instrumented_by_opentelemetry = False

    def __new__(cls) -> "CeleryInstrumentor":
        cls._instance = cls._instance or super().__new__(cls)
        return cls._instance

    def instrument(self) -> None:
        self.is_instrumented_by_opentelemetry = True


library = ModuleType("opentelemetry.instrumentation.celery")
library.CeleryInstrumentor = CeleryInstrumentor  # type: ignore[attr-defined]


def set_up(**_: Any) -> None:
    sys.modules[library.__name__] = library
    CeleryInstrumentor().instrument()


if os.environ["TRACED_WHERE"] == "import":
    set_up()
else:
    worker_process_init.connect(set_up, weak=False)


@app.task
def nothing() -> None:
    redis.Redis.from_url(os.environ["CELERY_BROKER_URL"]).rpush("test:started", "nothing")
