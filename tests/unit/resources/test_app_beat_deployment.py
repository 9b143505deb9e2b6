"""What a pool's beat has from the pool, and what of its own."""

from typing import Any

import pytest
from tests.unit.resources.objects import INSTALLATION, by_name, managed_broker, worker_pool

from taskfleet.api import Object
from taskfleet.resources.app_beat_deployment import app_beat_deployment
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.errors import SpecError

SPREAD: Object = {
    "nodeSelector": {"disk": "ssd"},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "affinity": {"podAntiAffinity": {"x": 1}, "nodeAffinity": {"y": 1}},
}


def pod_of(beat: Object, **pool: Any) -> Any:
    built = app_beat_deployment(
        worker_pool(beat=beat, **pool), BrokerBinding.of(managed_broker()), INSTALLATION
    )
    assert built is not None
    return built["spec"]["template"]


def container_of(beat: Object, **pool: Any) -> Any:
    return by_name(pod_of(beat, **pool)["spec"]["containers"])["worker"]


def test_beat_is_the_pools_app_with_its_environment_and_little_of_its_resources() -> None:
    pool: Object = {"env": [{"name": "A", "value": "1"}], "resources": {"limits": {"cpu": "4"}}}
    container = container_of({}, **pool)
    assert container["args"][:2] == ["-A", "proj"]
    assert {"name": "A", "value": "1"} in container["env"]
    assert container["resources"] == {"requests": {"cpu": "10m", "memory": "128Mi"}}


def test_beat_reaches_a_result_backend_by_parts_as_the_workers_do() -> None:
    login = {"passwordSecretRef": {"name": "login", "key": "password"}}
    pod = pod_of({}, resultBackend={"scheme": "redis", "host": "cache", **login})["spec"]
    assert "taskfleet-results" in by_name(pod["volumes"])
    assert "taskfleet-results" in by_name(by_name(pod["containers"])["worker"]["volumeMounts"])


@pytest.mark.parametrize(
    ("scheduler", "passed", "has_file"),
    [
        pytest.param(None, [], True, id="the-apps-which-may-keep-a-file"),
        pytest.param("celery.beat:PersistentScheduler", None, True, id="celerys"),
        pytest.param("proj.beat:Scheduler", None, False, id="another"),
    ],
)
def test_a_scheduler_that_is_left_out_is_the_apps(
    scheduler: str | None, passed: list[str] | None, has_file: bool
) -> None:
    container = container_of({} if scheduler is None else {"scheduler": scheduler})
    flags = [one for one in container["args"] if one.startswith("--scheduler")]
    assert flags == ([f"--scheduler={scheduler}"] if passed is None else passed)
    assert any(one.startswith("--schedule=") for one in container["args"]) is has_file


def test_a_scheduler_of_ones_own_gets_a_volume_for_its_file_where_storage_asks_for_one() -> None:
    beat: Object = {"scheduler": "proj.beat:Derived", "storage": {}}
    container = container_of(beat)
    assert "--schedule=/var/lib/taskfleet-beat/schedule" in container["args"]
    (claim,) = [one for one in pod_of(beat)["spec"]["volumes"] if "persistentVolumeClaim" in one]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == claim["name"]]
    assert mount["mountPath"] == "/var/lib/taskfleet-beat"


def test_it_has_none_of_the_pools_claims_that_the_workers_node_alone_may_mount() -> None:
    template: Object = {
        "spec": {
            "volumes": [
                {"name": "media", "persistentVolumeClaim": {"claimName": "media"}},
                {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}},
            ],
            "containers": [
                {
                    "name": "worker",
                    "volumeMounts": [
                        {"name": "media", "mountPath": "/media"},
                        {"name": "shared", "mountPath": "/shared"},
                    ],
                }
            ],
        }
    }
    built = app_beat_deployment(
        worker_pool(beat={}, template=template),
        BrokerBinding.of(managed_broker()),
        INSTALLATION,
        without_claims_of={"media"},
    )
    assert built is not None
    spec = built["spec"]["template"]["spec"]
    assert "shared" in by_name(spec["volumes"])
    assert "media" not in by_name(spec["volumes"])
    mounted = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert "/shared" in mounted
    assert "/media" not in mounted


def test_its_own_fields_win_over_the_pools() -> None:
    env = [{"name": "A", "value": "2"}, {"name": "POD_NAME", "value": "mine"}]
    beat: Object = {"app": "proj.beat", "env": env, "resources": {"limits": {"memory": "1Gi"}}}
    container = container_of(beat, env=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}])
    assert container["args"][:2] == ["-A", "proj.beat"]
    values = {one["name"]: one.get("value") for one in container["env"]}
    assert (values["A"], values["B"], values["POD_NAME"]) == ("2", "1", None)
    assert len(values) == len(container["env"])
    assert container["resources"]["limits"] == {"memory": "1Gi"}


@pytest.mark.parametrize(
    ("own", "launcher"),
    [({}, ["ddtrace-run"]), ({"launcher": []}, []), ({"launcher": ["x"]}, ["x"])],
    ids=str,
)
def test_its_launcher_is_the_pools_unless_it_has_one(own: Object, launcher: list[str]) -> None:
    container = container_of(own, launcher=["ddtrace-run"])
    assert container["command"] == [*launcher, "python", "/taskfleet/run.py", "beat"]


def test_the_pools_template_applies_without_what_is_about_many_pods() -> None:
    spec = pod_of({}, template={"spec": SPREAD})["spec"]
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["affinity"] == {"nodeAffinity": {"y": 1}}
    assert "topologySpreadConstraints" not in spec


def test_its_own_template_replaces_the_pools() -> None:
    own: Object = {"spec": {**SPREAD, "nodeSelector": {"zone": "a"}}}
    spec = pod_of({"template": own}, template={"spec": {"nodeSelector": {"disk": "ssd"}}})["spec"]
    assert spec["nodeSelector"] == {"zone": "a"}
    assert spec["topologySpreadConstraints"] == SPREAD["topologySpreadConstraints"]


def test_its_own_template_may_shape_its_container() -> None:
    container = {"name": "worker", "resources": {"limits": {"cpu": "1"}}}
    assert container_of({"template": {"spec": {"containers": [container]}}})["resources"]["limits"] == {
        "cpu": "1"
    }


def test_a_template_that_cannot_be_merged_is_refused_by_its_field() -> None:
    with pytest.raises(SpecError, match=r"^spec\.beat\.template\.spec\.containers\[0\] has no name, "):
        pod_of({"template": {"spec": {"containers": [{"image": "x"}]}}})
