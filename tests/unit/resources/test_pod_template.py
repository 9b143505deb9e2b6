from typing import Any, ClassVar

import pytest
from tests.unit.resources.objects import by_name, deployment, pod_spec, worker, worker_pool

from taskfleet.api import Object
from taskfleet.resources.errors import SpecError

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"


def template_of(template: dict[str, Any]) -> Any:
    return deployment(worker_pool(template=template))["spec"]["template"]


def spec_of(**spec: Any) -> Any:
    """The pod's spec for a user's template with this spec."""
    return template_of({"spec": spec})["spec"]


def worker_of(**container: Any) -> Any:
    """The worker container for a user's template of it."""
    return spec_of(containers=[{"name": "worker", **container}])["containers"][0]


def test_labels_say_whose_pods_these_are() -> None:
    assert template_of({})["metadata"]["labels"] == {
        "app.kubernetes.io/name": "taskfleet",
        "app.kubernetes.io/component": "worker",
        "app.kubernetes.io/managed-by": "taskfleet",
        "taskfleet.dev/pool": "mail",
        "taskfleet.dev/component": "worker",
        "taskfleet.dev/managed": "true",
    }


def test_a_template_gives_the_recommended_labels_and_may_remove_them() -> None:
    labels = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/managed-by": None}
    merged = template_of({"metadata": {"labels": labels}})["metadata"]["labels"]
    assert merged["app.kubernetes.io/name"] == "shop"
    assert merged["app.kubernetes.io/component"] == "worker"
    assert "app.kubernetes.io/managed-by" not in merged


def test_users_containers_pass_the_restricted_profile_and_may_write() -> None:
    assert pod_spec(worker_pool())["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = spec_of(
        containers=[{"name": "proxy", "image": "p"}], initContainers=[{"name": "migrate", "image": "m"}]
    )
    assert [container["securityContext"] for container in spec["containers"]] == [restricted, restricted]
    assert by_name(spec["initContainers"])["migrate"]["securityContext"] == restricted


def test_init_container_is_locked_down_whatever_the_pod_runs_as() -> None:
    spec = spec_of(securityContext={"runAsUser": 0, "runAsNonRoot": False, "seccompProfile": None})
    assert spec["initContainers"][0]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_init_container_leaves_its_user_to_the_image_or_the_cluster() -> None:
    assert "runAsUser" not in pod_spec(worker_pool())["initContainers"][0]["securityContext"]
    assert (
        "runAsUser"
        not in spec_of(securityContext={"runAsUser": 1000})["initContainers"][0]["securityContext"]
    )


def test_the_runtime_is_copied_into_the_pod() -> None:
    init = pod_spec(worker_pool())["initContainers"][0]
    assert (init["image"], init["imagePullPolicy"]) == ("registry.test/taskfleet-worker:1", "IfNotPresent")
    assert init["command"] == ["cp", "-r", "/opt/taskfleet/.", "/taskfleet/"]
    assert {"name": "taskfleet", "mountPath": "/taskfleet"} in init["volumeMounts"]
    assert worker(worker_pool())["volumeMounts"] == [
        {"name": "taskfleet", "mountPath": "/taskfleet", "readOnly": True},
    ]


class TestTmp:
    """An empty directory would hide what the image has there."""

    MOUNT: ClassVar[Object] = {"name": "tmp", "mountPath": "/tmp"}

    def test_is_the_images_where_its_root_file_system_is_writable(self) -> None:
        template = template_of({})
        assert [one["name"] for one in template["spec"]["volumes"]] == ["taskfleet"]
        assert self.MOUNT not in template["spec"]["containers"][0]["volumeMounts"]
        assert template["metadata"]["annotations"][SAFE_TO_EVICT] == "taskfleet"

    def test_is_a_volume_where_it_is_read_only(self) -> None:
        users = {"name": "worker", "securityContext": {"readOnlyRootFilesystem": True}}
        template = template_of({"spec": {"containers": [users]}})
        assert by_name(template["spec"]["volumes"])["tmp"] == {"name": "tmp", "emptyDir": {}}
        assert self.MOUNT in template["spec"]["containers"][0]["volumeMounts"]
        assert template["metadata"]["annotations"][SAFE_TO_EVICT] == "taskfleet,tmp"

    def test_is_a_volume_where_the_template_has_one_of_that_name(self) -> None:
        mount = {"name": "worker", "volumeMounts": [self.MOUNT]}
        spec = spec_of(volumes=[{"name": "tmp", "emptyDir": {}}], containers=[mount])
        assert by_name(spec["volumes"])["tmp"] == {"name": "tmp", "emptyDir": {}}
        assert self.MOUNT in spec["containers"][0]["volumeMounts"]

    def test_is_a_volume_where_a_sidecar_shares_it(self) -> None:
        spec = spec_of(containers=[{"name": "proxy", "volumeMounts": [{"name": "tmp", "mountPath": "/run"}]}])
        assert "tmp" in by_name(spec["volumes"])
        assert self.MOUNT in by_name(spec["containers"])["worker"]["volumeMounts"]


def test_probes_ask_the_runtime_by_http() -> None:
    container = worker(worker_pool())
    assert container["ports"] == [{"name": "taskfleet", "containerPort": 9817, "protocol": "TCP"}]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "taskfleet"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "taskfleet"}


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        pytest.param({}, 600, id="default"),
        pytest.param({"timeLimit": "10m"}, 645, id="time-limit-and-45-seconds"),
        pytest.param({"timeLimit": "10m", "terminationGracePeriod": "11m"}, 660, id="given"),
    ],
)
def test_termination_grace(spec: dict[str, Any], seconds: int) -> None:
    assert pod_spec(worker_pool(**spec))["terminationGracePeriodSeconds"] == seconds


@pytest.mark.parametrize("field", ["command", "args", "readinessProbe", "livenessProbe", "startupProbe"])
def test_what_only_the_operator_sets_is_refused_with_what_to_use(field: str) -> None:
    users = ["mine"] if field in ("command", "args") else {"tcpSocket": {"port": 1}}
    with pytest.raises(
        SpecError, match=f"^spec.template: {field} of the worker's pod is set by the operator: "
    ):
        worker_of(**{field: users})


def test_a_grace_period_has_a_field_of_its_own() -> None:
    with pytest.raises(SpecError, match=r"remove it; use terminationGracePeriod\.$"):
        spec_of(terminationGracePeriodSeconds=1)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("CELERY_WORKER_POOL", "is an option of Celery: remove it, and set pool.", id="a-field"),
        pytest.param("C_FORCE_ROOT", "lets a worker run as root: remove it, ", id="another"),
    ],
)
def test_a_variable_that_env_refuses_is_refused_in_the_template_too(name: str, advice: str) -> None:
    with pytest.raises(SpecError, match=f"^spec.template: {name} of the worker's container {advice}"):
        worker_of(env=[{"name": "MODE", "value": "1"}, {"name": name, "value": "1"}])


def test_a_sidecar_may_have_any_variable() -> None:
    sidecar = {"name": "flower", "image": "f", "env": [{"name": "CELERY_BROKER_URL", "value": "redis://r"}]}
    assert spec_of(containers=[sidecar])["containers"][1]["env"] == sidecar["env"]


class TestOperatorWins:
    def test_over_labels_of_ours(self) -> None:
        ours = {"taskfleet.dev/pool": "other", "taskfleet.dev/component": "x", "taskfleet.dev/managed": None}
        labels = {**ours, "team": "a"}
        merged = template_of({"metadata": {"labels": labels}})["metadata"]["labels"]
        assert merged == template_of({})["metadata"]["labels"] | {"team": "a"}

    def test_over_the_init_container_which_stays_first(self) -> None:
        ours = pod_spec(worker_pool())["initContainers"][0]
        users = [
            {"name": "first", "image": "x"},
            {"name": "taskfleet", "image": "evil", "securityContext": {}},
        ]
        containers = spec_of(initContainers=users)["initContainers"]
        assert containers[0] == ours
        assert [container["name"] for container in containers] == ["taskfleet", "first"]

    def test_over_the_runtimes_volume_and_its_mount(self) -> None:
        spec = spec_of(
            volumes=[{"name": "taskfleet", "hostPath": {"path": "/"}}],
            containers=[{"name": "worker", "volumeMounts": [{"name": "mine", "mountPath": "/taskfleet"}]}],
        )
        assert by_name(spec["volumes"])["taskfleet"] == {"name": "taskfleet", "emptyDir": {}}
        mounts = spec["containers"][0]["volumeMounts"]
        assert {"name": "taskfleet", "mountPath": "/taskfleet", "readOnly": True} in mounts
        assert len(mounts) == 1

    def test_over_the_port_of_the_probes(self) -> None:
        assert (
            worker_of(ports=[{"containerPort": 9817, "name": "mine"}])["ports"]
            == worker(worker_pool())["ports"]
        )

    def test_even_where_the_user_takes_it_away(self) -> None:
        spec = spec_of(initContainers=None, containers=[{"name": "worker", "env": None, "ports": None}])
        container = spec["containers"][0]
        assert spec["initContainers"] == pod_spec(worker_pool())["initContainers"]
        assert [variable["name"] for variable in container["env"]] == ["POD_NAME", "TASKFLEET_SETTINGS"]
        assert container["ports"] == worker(worker_pool())["ports"]


class TestUserWins:
    def test_over_the_security_context(self) -> None:
        spec = spec_of(
            securityContext={"runAsNonRoot": False, "fsGroup": 5},
            containers=[{"name": "worker", "securityContext": {"readOnlyRootFilesystem": True}}],
        )
        assert spec["securityContext"] == {
            "runAsNonRoot": False,
            "fsGroup": 5,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert spec["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }

    @pytest.mark.parametrize(
        "context",
        [
            pytest.param({"privileged": True}, id="privileged"),
            pytest.param({"capabilities": {"add": ["SYS_ADMIN"]}}, id="sys-admin"),
        ],
    )
    def test_with_rights_that_the_default_would_contradict(self, context: dict[str, Any]) -> None:
        assert "allowPrivilegeEscalation" not in worker_of(securityContext=context)["securityContext"]

    def test_with_a_volume_of_its_own_for_tmp(self) -> None:
        memory = {"name": "tmp", "emptyDir": {"medium": "Memory"}}
        assert by_name(spec_of(volumes=[memory])["volumes"])["tmp"] == memory

    def test_with_another_mount_at_tmp(self) -> None:
        mounts = worker_of(volumeMounts=[{"name": "scratch", "mountPath": "/tmp"}])["volumeMounts"]
        assert {"name": "scratch", "mountPath": "/tmp"} in mounts
        assert {"name": "tmp", "mountPath": "/tmp"} not in mounts

    def test_with_resources_image_and_lifecycle_of_the_worker(self) -> None:
        wishes = {
            "image": "app:2",
            "resources": {"limits": {"cpu": "1"}},
            "lifecycle": {"preStop": {"sleep": {}}},
        }
        container = worker_of(**wishes)
        assert {field: container[field] for field in wishes} == wishes

    def test_with_everything_about_scheduling(self) -> None:
        wishes = {
            "affinity": {"nodeAffinity": {}},
            "nodeSelector": {"pool": "batch"},
            "tolerations": [{"key": "batch", "operator": "Exists"}],
            "imagePullSecrets": [{"name": "registry"}],
            "serviceAccountName": "mail",
            "enableServiceLinks": True,
            "priorityClassName": "low",
        }
        spec = spec_of(**wishes)
        assert {field: spec[field] for field in wishes} == wishes

    def test_with_sidecars_after_the_worker(self) -> None:
        containers = spec_of(containers=[{"name": "proxy", "image": "p", "command": ["run"]}])["containers"]
        assert [container["name"] for container in containers] == ["worker", "proxy"]
        assert containers[1]["command"] == ["run"]

    def test_with_annotations_and_volumes_that_may_be_evicted(self) -> None:
        annotations = {"team": "a", SAFE_TO_EVICT: "cache, tmp"}
        merged = template_of({"metadata": {"annotations": annotations}})["metadata"]["annotations"]
        assert merged.items() >= {"team": "a", SAFE_TO_EVICT: "cache,tmp,taskfleet"}.items()


def test_a_template_that_cannot_be_merged_is_refused_by_its_field() -> None:
    with pytest.raises(SpecError, match=r"^spec\.template\.spec\.containers\[0\] has no name, "):
        spec_of(containers=[{"image": "x"}])


@pytest.mark.parametrize(
    ("template", "said"),
    [
        pytest.param(
            {"spec": {"containers": [{"name": None}]}},
            "spec.template.spec.containers[0] has no name",
            id="null-name",
        ),
        pytest.param(
            {"spec": {"volumes": [{"name": None}]}},
            "spec.template.spec.volumes[0] has no name",
            id="null-volume",
        ),
        pytest.param(
            {"metadata": {"annotations": ["a"]}}, "spec.template.metadata.annotations is ['a']", id="list"
        ),
        pytest.param(
            {"metadata": {"annotations": {SAFE_TO_EVICT: 1}}},
            f"spec.template.metadata.annotations.{SAFE_TO_EVICT} is 1, which is not a string.",
            id="number",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": True}}}, "spec.template.metadata.labels.a is True", id="boolean"
        ),
        pytest.param({"metadata": {"labels": "a=b"}}, "spec.template.metadata.labels is 'a=b'", id="text"),
    ],
)
def test_a_template_of_another_shape_is_refused_with_its_path(template: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as error:
        template_of(template)
    assert said in str(error.value)


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_the_service_account_is_named_twice_so_that_both_go_when_it_is_removed(field: str) -> None:
    spec = spec_of(**{field: "powerful"})
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("powerful", "powerful")
    assert not {"serviceAccountName", "serviceAccount"} & spec_of().keys()
