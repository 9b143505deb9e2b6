"""Which pods are recycled, and what is said about them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api.recycle import Recycle
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.brokers.polling.worker_report import Report
from taskfleet.scaling.due_pods import due_pods
from tests.unit.objects import pod

MIB = 1024 * 1024
NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


def why(
    recycle: dict[str, Any], *, created: str = "2026-03-02T11:00:00Z", memory: int | None = None
) -> str | None:
    manifest = pod("mail-1", creationTimestamp=created)
    reports = {"mail-1": LastReport(Report("ready", memory=memory), 0.0)}
    found = due_pods(Recycle.model_validate(recycle), [manifest], reports, now=NOW)
    return found["mail-1"].why if found else None


@pytest.mark.parametrize(
    ("recycle", "given", "expected"),
    [
        pytest.param(
            {"maxAge": "24h"},
            {"created": "2026-03-01T11:57:00Z"},
            "it is 24 h 3 min old and recycle.maxAge is 24h",
            id="too-old",
        ),
        pytest.param({"maxAge": "24h"}, {"created": "2026-03-01T12:00:00Z"}, None, id="just-as-old"),
        pytest.param(
            {"maxAge": "1m"},
            {"created": "2026-03-02T11:58:30Z"},
            "it is 90 s old and recycle.maxAge is 1m",
            id="seconds",
        ),
        pytest.param(
            {"maxMemory": "400Mi"},
            {"memory": 512 * MIB},
            "it uses 512 MiB and recycle.maxMemory is 400Mi",
            id="too-large",
        ),
        pytest.param({"maxMemory": "400Mi"}, {"memory": 400 * MIB}, None, id="just-as-large"),
        pytest.param({"maxMemory": "400Mi"}, {"memory": None}, None, id="memory-that-is-not-known"),
        pytest.param(
            {"maxMemory": "400Mi"}, {"created": "2020-01-01T00:00:00Z"}, None, id="age-does-not-count"
        ),
    ],
)
def test_a_pod_is_due(recycle: dict[str, Any], given: dict[str, Any], expected: str | None) -> None:
    assert why(recycle, **given) == expected


def test_a_pod_without_a_report_is_due_by_its_age() -> None:
    manifest = pod("mail-1", creationTimestamp="2026-01-01T00:00:00Z")
    assert due_pods(Recycle.model_validate({"maxAge": "1h", "maxMemory": "1Mi"}), [manifest], {}, now=NOW)
