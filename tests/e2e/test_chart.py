"""The chart: well-formed whatever its values, installed in one namespace only, and removed again."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.e2e.schemas import write_schemas
from tests.tools.cluster import programs
from tests.tools.installation import CHART, helm
from tests.tools.waiting import wait_for

VARIANTS = [
    pytest.param({}, id="defaults"),
    pytest.param({"watchNamespaces": ["shop", "mail"], "autoCreateBroker": False}, id="namespaced"),
    pytest.param(
        {"watchNamespaces": ["shop"], "queryApi": {"enabled": True}}, id="namespaced-with-query-api"
    ),
    pytest.param(
        {"crds": {"enabled": False}, "userRoles": {"enabled": False}, "queryApi": {"enabled": False}},
        id="without-cluster-wide-parts",
    ),
    pytest.param(
        {
            "replicas": 2,
            "metrics": {"annotations": True},
            "podAnnotations": {"a": "b"},
            "podLabels": {"c": "d"},
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"podAntiAffinity": {}},
            "priorityClassName": "high",
            "serviceAccount": {"annotations": {"e": "f"}},
            "brokers": {"allowedAddresses": ["10.0.0.0/8"]},
            "networkPolicy": {
                "enabled": True,
                "apiServer": {"addresses": ["10.0.0.1/32"]},
                "brokers": {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
                "metrics": {"from": [{"namespaceSelector": {}}]},
            },
            "telemetry": {
                "otlp": {
                    "endpoint": "https://collector.example",
                    "sampling": 0.5,
                    "headersSecretRef": {"name": "collector"},
                }
            },
            "requestPolicy": {"enabled": True},
            "admissionPolicy": {
                "enabled": True,
                "rules": [
                    {"name": "all", "maxReplicas": 100},
                    {
                        "name": "tenants",
                        "namespaceSelector": {"matchLabels": {"tenant": "yes"}},
                        "registries": ["registry.example/"],
                        "serviceAccounts": ["default"],
                        "brokerSecrets": [],
                    },
                ],
            },
        },
        id="everything",
    ),
]
variants = pytest.mark.parametrize("values", VARIANTS)


@variants
def test_the_chart_passes_helm_lint(kubeconfig: Path, values: Mapping[str, Any]) -> None:
    result = helm(kubeconfig, "lint", "--strict", str(CHART), "--values=-", stdin=yaml.safe_dump(values))
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="session")
def schemas(installed: Operator, tmp_path_factory: pytest.TempPathFactory) -> str:
    """With those of our own kinds, which the chart's test makes objects of: `installed` brings their definitions."""
    return write_schemas(installed.kube, tmp_path_factory.mktemp("schemas"))


@variants
def test_the_chart_renders_objects_that_the_api_knows(
    kubeconfig: Path, schemas: str, values: Mapping[str, Any]
) -> None:
    command = [str(programs.program("kubeconform")), "-strict", "-summary", "-schema-location", schemas]
    rendered = _render(kubeconfig, values)
    result = subprocess.run(command, input=rendered, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "Skipped: 0" in result.stdout


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"upgradePools": "Always"}, "/upgradePools", id="unknown-choice"),
        pytest.param({"watchNamespaces": ["Shop"]}, "/watchNamespaces/0", id="no-name-of-a-namespace"),
        pytest.param(
            {"admissionPolicy": {"rules": [{"name": "nothing"}]}},
            "/admissionPolicy/rules/0",
            id="rule-of-nothing",
        ),
        pytest.param({"brokers": {"allowedAddresses": ["anywhere"]}}, "/brokers", id="no-network"),
        pytest.param({"telemetry": {"otlp": {"endpoint": "collector:4317"}}}, "/telemetry", id="no-url"),
        pytest.param({"replicaCount": 2}, "replicaCount", id="unknown-value"),
    ],
)
def test_the_chart_refuses_values(kubeconfig: Path, values: Mapping[str, Any], said: str) -> None:
    result = helm(kubeconfig, "template", str(CHART), "--values=-", stdin=yaml.safe_dump(values))
    assert result.returncode != 0
    assert said in result.stderr


def test_the_operator_may_read_secrets_by_name_only(kubeconfig: Path) -> None:
    roles = [
        one for one in yaml.safe_load_all(_render(kubeconfig, {})) if one and one["kind"] == "ClusterRole"
    ]
    of_others = (":view", ":edit", ":client", ":reviews")
    (rules,) = [one["rules"] for one in roles if not one["metadata"]["name"].endswith(of_others)]
    (secrets,) = [rule["verbs"] for rule in rules if "secrets" in rule["resources"]]
    assert set(secrets) == {"get", "create", "patch"}
    assert not [rule for rule in rules if "*" in (*rule["resources"], *rule["verbs"], *rule["apiGroups"])]


@pytest.fixture
def namespaced(operator: Operator, namespace: str) -> Operator:
    """The installation of the session, for a while on the test's namespace only."""
    operator.restore(watchNamespaces=[namespace])
    return operator


def test_an_installation_for_one_namespace_works_without_a_cluster_role(
    namespaced: Operator, fleet: Fleet
) -> None:
    (binding,) = json.loads(namespaced.kubectl("get", "rolebindings", "--output=json"))["items"]
    assert binding["metadata"]["name"] == "taskfleet-operator-lease"
    assert "taskfleet-operator" not in namespaced.kubectl("get", "clusterrolebindings", "--output=name")

    fleet.pool("shop")
    fleet.wait_until_ready("shop")
    assert "Forbidden" not in namespaced.kubectl("logs", "deployment/taskfleet-operator")


def test_uninstalling_leaves_the_kinds_and_the_fleets(operator: Operator, fleet: Fleet) -> None:
    fleet.pool("shop")
    fleet.wait_until_ready("shop")
    running = fleet.running("shop")
    helm(operator.kubeconfig, "uninstall", "taskfleet", "--wait")
    wait_for(lambda: not operator.pods(), 30, what="the end of the operator's pods")
    assert fleet.kube.get("WorkerPool", "shop", fleet.namespace)
    assert fleet.running("shop") == running


def _render(kubeconfig: Path, values: Mapping[str, Any]) -> str:
    command = ["template", "taskfleet", str(CHART), "--kube-version=1.34.0", "--values=-"]
    result = helm(kubeconfig, *command, stdin=yaml.safe_dump(values))
    assert result.returncode == 0, result.stderr
    return result.stdout
