"""What `taskfleet plan` prints is what the operator applies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from taskfleet.api import Key, Object
from taskfleet.cli import main
from taskfleet.controllers import broker as broker_controller
from taskfleet.controllers import worker_pool as pool_controller
from taskfleet.plan.command import plan_files
from taskfleet.plan.planning import plan
from taskfleet.resources.contains import first_difference
from taskfleet.resources.context import Installation
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, broker, pool

EVERYTHING: Mapping[str, Any] = {
    "beat": {"storage": {"size": "1Gi"}},
    "networkPolicy": {},
    "autoscale": {"minReplicas": 1, "maxReplicas": 4},
}
QUICKSTART = Path(__file__).parents[3] / "examples/quickstart/workerpool.yaml"
INSTALLATION = Scene().context.installation


def write(folder: Path, *manifests: Object) -> str:
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    return str(file)


def printed(
    capsys: pytest.CaptureFixture[str], *files: str, installation: Installation = INSTALLATION
) -> list[Object]:
    assert plan_files(files, installation, namespace=NAMESPACE) == 0
    return [one for one in yaml.safe_load_all(capsys.readouterr().out) if one]


async def test_children_of_a_pool_are_those_that_the_controller_applies() -> None:
    scene = Scene()
    scene.add(ready_broker())
    scene.add(pool(**EVERYTHING))
    await scene.settle(pool_controller.reconcile, Key("WorkerPool", NAMESPACE, "mail"))
    live = scene.live("Broker", "default"), scene.live("WorkerPool", "mail")
    planned = list(plan(live, INSTALLATION, namespace=NAMESPACE))[-1]
    assert {child["kind"] for child in planned.children} == {
        *("Deployment", "PodDisruptionBudget", "NetworkPolicy", "PersistentVolumeClaim"),
    }
    for child in planned.children:
        assert first_difference(scene.live(child["kind"], child["metadata"]["name"]), child) is None


async def test_children_of_a_broker_are_those_that_the_controller_applies() -> None:
    scene = Scene()
    scene.add(broker())
    await scene.settle(broker_controller.reconcile, Key("Broker", NAMESPACE, "default"))
    [planned] = plan([scene.live("Broker", "default")], INSTALLATION, namespace=NAMESPACE)
    for child in planned.children:
        live = scene.live(child["kind"], child["metadata"]["name"])
        if child["kind"] == "Secret":
            assert child["stringData"].keys() == live["data"].keys()
        else:
            assert first_difference(live, child) is None
    applied = {
        key for key in map(json.dumps, scene.server.writes) if "events" not in key and "status" not in key
    }
    assert len(planned.children) == len(applied)


def test_the_first_pool_of_a_namespace_brings_its_broker(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_files([str(QUICKSTART)], INSTALLATION, namespace="shop") == 0
    text = capsys.readouterr().out
    assert "the operator creates it" in text
    assert "(generated)" in text
    kinds = [one["kind"] for one in yaml.safe_load_all(text) if one]
    assert kinds[-2:] == ["Deployment", "PodDisruptionBudget"]
    assert "StatefulSet" in kinds


def test_the_command_takes_images_from_the_operators_variables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKFLEET_RUNTIME_IMAGE", "registry.test/mine:2")
    with pytest.raises(SystemExit) as end:
        main(["plan", "-f", str(QUICKSTART), "-n", "shop"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "registry.test/mine:2" in text
    assert "namespace: shop" in text


def test_an_external_broker_without_schedules_becomes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    external = broker(external={"urlSecretRef": {"name": "redis", "key": "url"}})
    assert printed(capsys, write(tmp_path, external)) == []


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("a: [", 2, "not valid YAML", id="no-yaml"),
        pytest.param("kind: ConfigMap", 1, "no WorkerPool and no Broker", id="nothing-of-ours"),
        pytest.param(
            "{kind: WorkerPool, metadata: {name: x}, spec: {app: a, image: b, replicas: many}}",
            2,
            "spec.replicas is 'many'",
            id="no-number",
        ),
    ],
)
def test_what_cannot_be_planned_is_said(
    text: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert plan_files([str(file)], INSTALLATION, namespace="shop") == code
    assert said in capsys.readouterr().err


def test_a_file_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_files([str(tmp_path / "none.yaml")], INSTALLATION, namespace="shop") == 2
    assert "none.yaml" in capsys.readouterr().err
