"""What Prometheus is told of conditions."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from taskfleet.api.reasons import ConditionType
from taskfleet.controllers.condition_metrics import NAME, ConditionMetrics
from taskfleet.kube.cache import Cache
from tests.unit.objects import own

# Conditions that tell of a choice, or of something that passes: an alert on one would disturb in vain.
NO_PROBLEM = {"Reconciling", "Learning", "ScalingActive", "UpToDate"}


def exported(*conditions: tuple[str, str, str], kind: str = "WorkerPool") -> list[str]:
    cache = Cache()
    stored = [
        {"type": one, "status": status, "reason": reason, "message": "A sentence."}
        for one, status, reason in conditions
    ]
    live: dict[str, Any] = own(kind, "mails", {})
    cache.put(
        {**live, "metadata": {**live["metadata"], "resourceVersion": "5"}, "status": {"conditions": stored}}
    )
    registry = CollectorRegistry()
    registry.register(ConditionMetrics(cache))
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_a_condition_that_asks_for_attention_is_a_series_with_its_reason() -> None:
    (line,) = exported(("Ready", "False", "ImagePullFailed"), ("Stalled", "False", "Settled"))
    assert line == (
        f'{NAME}{{kind="WorkerPool",name="mails",namespace="shop",reason="ImagePullFailed",type="Ready"}} 1.0'
    )


def test_a_healthy_object_has_no_series() -> None:
    assert exported(("Ready", "True", "Available"), ("Reconciling", "False", "Settled")) == []


@pytest.mark.parametrize("kind", [one.value for one in ConditionType])
def test_exactly_one_status_of_a_condition_asks_for_attention(kind: str) -> None:
    found = [status for status in ("True", "False", "Unknown") if exported((kind, status, "Any"))]
    assert len(found) == (kind not in NO_PROBLEM)
