"""The chart's alerts: their names, metrics, reasons and runbooks exist."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from taskfleet.api import Object
from taskfleet.api.reasons import BrokerReason, ConditionType, PoolReason, QueueReason, Reason, ScheduleReason
from tests.tools.cluster import programs
from tests.tools.installation import CHART

ROOT = Path(__file__).parents[2]
RUNBOOKS = (ROOT / "docs/reference/alerts.md").read_text()
METRICS = (ROOT / "docs/reference/metrics.md").read_text()
REASONS = {
    one.value for kind in (Reason, PoolReason, BrokerReason, QueueReason, ScheduleReason) for one in kind
}
PARTS = ("**Meaning**", "**Affected**", "**Look**", "**Cure**")


def rendered(*values: str, template: str = "prometheus-rule") -> list[Object]:
    sets = [f"--set=metrics.{one}" for one in values]
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    result = subprocess.run(
        [*command, *sets, f"--show-only=templates/{template}.yaml"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [one for one in yaml.safe_load_all(result.stdout) if one]


def rules(*values: str) -> list[Object]:
    (rule,) = rendered("prometheusRule.enabled=true", *values)
    found: list[Object] = rule["spec"]["groups"][0]["rules"]
    return found


def test_every_alert_has_a_runbook_with_four_parts_and_no_runbook_is_left_over() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL))
    alerts = [one["alert"] for one in rules()]
    assert list(sections) == alerts
    assert len(alerts) <= 15
    for name, text in sections.items():
        assert all(part in text for part in PARTS), name


def test_alerts_ask_for_metrics_that_are_documented() -> None:
    for rule in rules():
        for metric in re.findall(r"\b(?:taskfleet|celery)_\w+", rule["expr"]):
            assert f"`{metric}" in METRICS, f"{rule['alert']}: {metric}"


def test_alerts_ask_for_conditions_and_reasons_that_exist() -> None:
    for rule in rules():
        for label, known in (("type", {one.value for one in ConditionType}), ("reason", REASONS)):
            for names in re.findall(rf'\b{label}(?:=|=~|!~)"([^"]+)"', rule["expr"]):
                assert set(names.split("|")) <= known, rule["alert"]


def test_thresholds_durations_and_links_are_values() -> None:
    changed = rules(
        "prometheusRule.thresholds.oldestMessageSeconds=60",
        "prometheusRule.for.TaskfleetBrokerAway=30s",
        "prometheusRule.runbookUrl=https://docs.example/alerts",
    )
    by_name = {one["alert"]: one for one in changed}
    assert by_name["TaskfleetOldestMessageTooOld"]["expr"].endswith("> 60")
    assert by_name["TaskfleetBrokerAway"]["for"] == "30s"
    link = by_name["TaskfleetBrokerAway"]["annotations"]["runbook_url"]
    assert link == "https://docs.example/alerts#taskfleetbrokeraway"


@pytest.mark.parametrize(
    ("name", "template", "endpoints"),
    [
        ("serviceMonitor", "metrics-service", "endpoints"),
        ("podMonitor", "pod-monitor", "podMetricsEndpoints"),
    ],
)
def test_monitors_keep_the_namespace_of_the_pool(name: str, template: str, endpoints: str) -> None:
    found = rendered(f"{name}.enabled=true", f"{name}.labels.release=prometheus", template=template)
    monitor = next(one for one in found if one["kind"].endswith("Monitor"))
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (endpoint,) = monitor["spec"][endpoints]
    assert endpoint["honorLabels"] is True


def test_two_monitors_at_once_are_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        rendered("serviceMonitor.enabled=true", "podMonitor.enabled=true", template="pod-monitor")
