"""Spans of executions: which trace they belong to, which are sampled, what they say."""

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.pool.outcomes import Outcomes
from taskfleet_worker.settings import SettingsError, TraceSettings, read_settings
from taskfleet_worker.tracing.app_tracing import AppTracing
from taskfleet_worker.tracing.pairs import pairs
from taskfleet_worker.tracing.span import Span
from taskfleet_worker.tracing.trace_context import TraceContext, sampled_context
from taskfleet_worker.tracing.tracer import Tracer
from taskfleet_worker.tracing.tracing import resource_of
from tests.unit.worker.factories import environment
from tests.unit.worker.test_outcomes import request as request_of

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ROOT = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
BEGAN = 1_800_000_000.0


def request(**headers: Any) -> Any:
    """Celery's request of a task that has begun; `headers` are those of its message."""
    one = request_of(headers=headers)
    one.id, one.hostname, one.time_start = "task-1", "mail@pod-1", BEGAN
    return one


def tracer(*, sampling: float = 1.0, traced_by_app: bool = False) -> Tracer:
    return Tracer(Deliveries(), Gate(), sampling=sampling, traced_by_app=lambda: traced_by_app)


def executed(made: Tracer, outcome: str = "succeeded", **headers: Any) -> Span:
    """The span of one execution."""
    outcomes, task = Outcomes(made._deliveries, tracer=made), request(**headers)
    outcomes.started(task)
    if outcome == "succeeded":
        outcomes.succeeded(task, 0.5)
    elif outcome == "failed":
        outcomes.failed(task, ValueError("no"), "Traceback")
    else:
        outcomes.ended(task, outcome)
    (span,) = made.waiting.take(10)
    return span


def test_a_producers_context_is_the_parent() -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "shop=1"}
    assert sampled_context(headers, 0.0) == TraceContext(TRACE, PARENT, "shop=1")


def test_a_producer_that_does_not_sample_is_obeyed() -> None:
    assert sampled_context({"traceparent": f"00-{TRACE}-{PARENT}-00"}, 1.0) is None


def test_a_later_version_may_add_fields() -> None:
    assert sampled_context({"traceparent": f"01-{TRACE}-{PARENT}-01-new"}, 0.0) is not None


@pytest.mark.parametrize(
    "invalid",
    [
        "",
        7,
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
    ],
)
def test_an_invalid_context_is_none(invalid: Any) -> None:
    context = sampled_context({"traceparent": invalid, "tracestate": "shop=1"}, 1.0)
    assert context is not None
    assert context.trace_id != TRACE
    assert (context.parent_id, context.state) == ("", "")


@pytest.mark.parametrize("state", [7, "é", "a" * 513, "a\nb"])
def test_an_invalid_tracestate_is_left_out(state: Any) -> None:
    context = sampled_context({"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": state}, 0.0)
    assert context == TraceContext(TRACE, PARENT)


def test_all_that_a_task_brings_about_is_one_trace() -> None:
    first, again = (sampled_context({"root_id": ROOT}, 1.0) for _ in range(2))
    assert first == again
    assert first is not None
    assert len(first.trace_id) == 32


def test_an_id_that_somebody_chose_is_no_trace() -> None:
    """Else every run of a nightly task would be in one trace."""
    first, again = (sampled_context({"root_id": "nightly"}, 1.0) for _ in range(2))
    assert first != again


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_the_ratio_is_the_share_of_traces(ratio: float) -> None:
    roots = [str(UUID(int=number * 2**80 + 2**78, version=4)) for number in range(5000)]
    sampled = sum(sampled_context({"root_id": root}, ratio) is not None for root in roots)
    assert sampled / 5000 == pytest.approx(ratio, abs=0.02)


def test_a_span_takes_as_long_as_the_child_measured() -> None:
    span = executed(tracer(), retries=2, root_id=ROOT)
    assert (span.name, span.began, span.ended) == ("run/shop.pay", BEGAN, BEGAN + 0.5)
    assert span.attributes == {
        "celery.action": "run",
        "celery.task_name": "shop.pay",
        "celery.hostname": "mail@pod-1",
        "celery.retries": 2,
        "celery.root_id": ROOT,
        "celery.state": "SUCCESS",
        "messaging.system": "redis",
        "messaging.operation.type": "process",
        "messaging.operation.name": "run",
        "messaging.destination.name": "high",
        "messaging.message.id": "task-1",
        "taskfleet.outcome": "succeeded",
        "taskfleet.redeliveries": 0,
    }


def test_a_failure_has_its_exception() -> None:
    span = executed(tracer(), "failed")
    assert span.error == "ValueError: no"
    assert span.attributes["error.type"] == "ValueError"
    (event,) = span.events
    assert event.attributes == {
        "exception.type": "ValueError",
        "exception.message": "no",
        "exception.stacktrace": "Traceback",
    }


def test_an_interrupted_task_is_requeued() -> None:
    span = executed(tracer(), "interrupted")
    assert [event.name for event in span.events] == ["requeue"]
    assert span.error
    assert "celery.state" not in span.attributes


def test_the_redeliveries_are_those_that_the_message_tells() -> None:
    made, task = tracer(), request(**{"x-delivery-count": 3})
    span = made.begin(task, "high", None)
    assert span is not None
    assert span.attributes["taskfleet.redeliveries"] == 3
    task = request()
    task.message.delivery_info["redelivered"] = True
    span = made.begin(task, "high", None)
    assert span is not None
    assert span.attributes["taskfleet.redeliveries"] == 1


def test_what_is_not_sampled_has_no_span() -> None:
    assert tracer(sampling=0.0).begin(request(root_id=ROOT), "high", None) is None


def test_what_runs_as_the_process_leaves_is_interrupted_once() -> None:
    made = tracer()
    outcomes, task = Outcomes(made._deliveries, tracer=made), request()
    outcomes.started(task)
    made.interrupt()
    outcomes.succeeded(task, 1.0)
    (span,) = made.waiting.take(10)
    assert span.attributes["taskfleet.outcome"] == "interrupted"


def test_what_the_app_traces_is_not_kept() -> None:
    made = tracer(traced_by_app=True)
    span = made.begin(request(), "high", None)
    assert span is not None
    made.end(span, "succeeded")
    assert made.waiting.take(1) == []


def test_headers_that_nobody_expects_fail_no_task() -> None:
    class Hostile:
        def __str__(self) -> str:
            raise ValueError

    made = tracer()
    assert made.begin(request(root_id=Hostile()), "high", None) is None
    assert made.unmade == 1


def test_only_a_drain_during_the_task_is_an_event() -> None:
    made = tracer()
    made._gate.lease = 1
    made._gate.closed_at = BEGAN - 1
    assert executed(made).events == []
    made._gate.closed_at = BEGAN + 0.2
    assert [(event.name, event.at) for event in executed(made).events] == [("drain", BEGAN + 0.2)]


def test_a_gate_knows_when_it_was_closed() -> None:
    gate = Gate()
    assert gate.closed_at is None
    gate.lease = 1
    first = gate.closed_at
    gate.lease, gate.stopping = 2, True
    assert gate.closed_at == first, "renewed"


@pytest.fixture
def instrumentation() -> Iterator[Any]:
    """OpenTelemetry's, imported but not active."""
    module: Any = ModuleType("opentelemetry.instrumentation.celery")
    made = SimpleNamespace(is_instrumented_by_opentelemetry=False)
    module.CeleryInstrumentor = type("CeleryInstrumentor", (), {"_instance": made})
    sys.modules[module.__name__] = module
    yield made
    del sys.modules[module.__name__]


def test_an_instrumentation_that_is_only_imported_traces_nothing(instrumentation: Any) -> None:
    app = AppTracing()
    app.child_started()
    assert not app
    instrumentation.is_instrumented_by_opentelemetry = True
    assert app


def test_a_child_tells_that_it_is_instrumented(instrumentation: Any) -> None:
    app = AppTracing()
    instrumentation.is_instrumented_by_opentelemetry = True
    app.child_started()
    instrumentation.is_instrumented_by_opentelemetry = False
    assert app, "the main process is not"


def test_pairs_are_percent_encoded() -> None:
    assert pairs("a=1, b = two%20words ,=x,none,") == {"a": "1", "b": "two words"}


def test_opentelemetrys_variables_name_the_service() -> None:
    given = {
        "POD_NAME": "pod-1",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,team=a",
        "OTEL_SERVICE_NAME": "shop",
    }
    settings = TraceSettings("http://collector:4318", "mail")
    named = resource_of(settings, "ns", "uid/pod-1/s1", given)
    assert (named["service.name"], named["team"], named["k8s.pod.name"]) == ("shop", "a", "pod-1")
    assert resource_of(settings, "ns", "s", {"POD_NAME": "pod-1"})["service.name"] == "mail"


def test_settings_of_traces() -> None:
    endpoint = "http://collector:4318"
    told = {"endpoint": endpoint, "service": "mail", "sampling": 0.01}
    assert read_settings(environment(traces=told)).traces == TraceSettings(endpoint, "mail", sampling=0.01)
    assert read_settings(environment()).traces is None
    with pytest.raises(SettingsError, match="endpoint"):
        read_settings(environment(traces={"service": "mail"}))
