"""`helm test`: which objects it makes, and where."""

import subprocess
from typing import Any

import pytest
import yaml

from taskfleet.api import Broker, WorkerPool
from tests.tools.cluster import programs
from tests.tools.installation import CHART

TEMPLATE = "templates/tests/task.yaml"


def rendered(**values: Any) -> dict[str, dict[str, Any]]:
    """The objects of the test by kind."""
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    command += ["--namespace=taskfleet-system", f"--show-only={TEMPLATE}", "--values=-"]
    text = yaml.safe_dump(values)
    result = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    return {one["kind"]: one for one in yaml.safe_load_all(result.stdout)}


def test_everything_is_deleted_after_a_success() -> None:
    annotations = [one["metadata"]["annotations"] for one in rendered().values()]
    assert {one["helm.sh/hook"] for one in annotations} == {"test"}
    assert {one["helm.sh/hook-delete-policy"] for one in annotations} == {
        "before-hook-creation,hook-succeeded"
    }
    assert not Broker.model_validate(rendered()["Broker"]).spec.redis.storage.retain_on_delete  # type: ignore[union-attr]


def test_the_pod_comes_last_and_asks_the_pools_broker() -> None:
    objects = rendered()
    weights = {
        kind: int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for kind, one in objects.items()
    }
    assert max(weights, key=lambda kind: weights[kind]) == "Pod"
    pool = WorkerPool.model_validate(objects["WorkerPool"])
    [container] = objects["Pod"]["spec"]["containers"]
    secrets = {one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one}
    assert secrets == {f"{pool.spec.broker_ref.name}-broker-connection"}


@pytest.mark.parametrize(
    ("values", "namespace"),
    [
        pytest.param({}, "taskfleet-system", id="whole-cluster"),
        pytest.param({"watchNamespaces": ["shop", "mail"]}, "shop", id="first-of-the-namespaces"),
    ],
)
def test_it_runs_where_the_operator_acts(values: dict[str, Any], namespace: str) -> None:
    assert {one["metadata"]["namespace"] for one in rendered(**values).values()} == {namespace}


def test_its_pods_pull_as_the_operator_does() -> None:
    values = {
        "imagePullSecrets": [{"name": "mirror"}],
        "image": {"prefix": "mirror.example", "pullPolicy": "Always"},
    }
    objects = rendered(**values)
    template = objects["WorkerPool"]["spec"]["template"]["spec"]
    for spec in (objects["Pod"]["spec"], template):
        assert spec["imagePullSecrets"] == [{"name": "mirror"}]
        assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert objects["WorkerPool"]["spec"]["image"].startswith("mirror.example/taskfleet-celery:")
    assert objects["Pod"]["spec"]["containers"][0]["image"].startswith("mirror.example/taskfleet-celery:")
