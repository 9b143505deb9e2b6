"""The chart's dashboards as ConfigMaps for Grafana's sidecar."""

import json
import subprocess

import pytest
import yaml

from taskfleet.api import Object
from tests.tools.cluster import programs
from tests.tools.installation import CHART

FILES = {path.name: path.read_text() for path in (CHART / "files/dashboards").glob("*.json")}


def dashboards(*values: str) -> list[Object]:
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    result = subprocess.run(
        [*command, "--namespace=ours", *(f"--set-json=dashboards.{one}" for one in values)],
        check=True,
        capture_output=True,
        text=True,
    )
    objects = [one for one in yaml.safe_load_all(result.stdout) if one]
    return [one for one in objects if one["kind"] == "ConfigMap" and "-dashboard-" in one["metadata"]["name"]]


def test_without_the_value_there_are_none() -> None:
    assert dashboards() == []


def test_each_file_is_a_config_map_that_the_sidecar_finds() -> None:
    found = dashboards("enabled=true")
    assert {one["metadata"]["namespace"] for one in found} == {"ours"}
    assert {one["metadata"]["labels"]["grafana_dashboard"] for one in found} == {"1"}
    data = {name: text for one in found for name, text in one["data"].items()}
    assert {name.removeprefix("taskfleet-"): json.loads(text) for name, text in data.items()} == {
        name: json.loads(text) for name, text in FILES.items()
    }
    assert len(found) == len(FILES)


def test_label_and_namespace_are_values() -> None:
    found = dashboards(
        "enabled=true", 'labels={"team":"ops","grafana_dashboard":null}', 'namespace="monitoring"'
    )
    for one in found:
        assert one["metadata"]["namespace"] == "monitoring"
        assert one["metadata"]["labels"]["team"] == "ops"
        assert "grafana_dashboard" not in one["metadata"]["labels"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('enabled="yes"', id="a-word-for-true"),
        pytest.param('labels={"grafana_dashboard":1}', id="a-label-that-is-a-number"),
        pytest.param('folder="Celery"', id="no-such-value"),
    ],
)
def test_other_values_are_refused(value: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        dashboards(value)
    assert "dashboards" in refusal.value.stderr
