"""The user's pod template on its way into the Deployment, and what is said of one that cannot be built."""

from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.conditions import condition, wait_for_condition, warnings_of
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import wait_for_deployment, worker_pool
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

AFFINITY = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"taskfleet.dev/pool": "shop"}},
            }
        ]
    }
}
TEMPLATE: Object = {
    "metadata": {"labels": {"team": "shop"}, "annotations": {"example.com/scrape": "true"}},
    "spec": {
        "containers": [
            {
                "name": "worker",
                "resources": {"requests": {"cpu": "250m"}},
                "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                "securityContext": {"runAsUser": 1234},
            },
            {"name": "proxy", "image": "registry.example/proxy:1", "args": ["--port", "5432"]},
        ],
        "initContainers": [{"name": "migrate", "image": "registry.example/app:1", "command": ["migrate"]}],
        "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}}],
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": AFFINITY,
        "nodeSelector": {"disk": "ssd"},
        "imagePullSecrets": [{"name": "registry"}],
        "securityContext": {"fsGroup": 2000},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"taskfleet.dev/pool": "shop"}},
            }
        ],
    },
}

pytestmark = pytest.mark.usefixtures("shared_operator")


def applied(kube: Kube, namespace: str, template: Object, *, name: str = "shop") -> Object:
    return {**kube.apply(worker_pool(namespace, name, template=template)), "kind": "WorkerPool"}


def built(kube: Kube, pool: Object) -> Object:
    """The Deployment, once it has its real template."""

    def so() -> Object | None:
        deployment = wait_for_deployment(kube, pool)
        return deployment if deployment["metadata"].get("annotations") else None

    return wait_for(so, 20, what="a built Deployment") or {}


def named(entries: list[Object]) -> dict[str, Object]:
    return {entry["name"]: entry for entry in entries}


def holds(live: Any, wanted: Any) -> bool:
    """Whether `live` has all of `wanted`; lists of the same length."""
    if isinstance(wanted, dict):
        return all(field in live and holds(live[field], value) for field, value in wanted.items())
    if isinstance(wanted, list):
        return len(live) == len(wanted) and all(map(holds, live, wanted))
    return bool(live == wanted)


@pytest.fixture(scope="module")
def template(kube: Kube, shared_namespace: str, module_operator: OperatorProcess) -> Object:
    """That of the Deployment of a pool with everything."""
    assert module_operator.running
    live: Object = built(kube, applied(kube, shared_namespace, TEMPLATE, name="full"))["spec"]["template"]
    return live


class TestArrives:
    @pytest.mark.parametrize(
        "field",
        ["tolerations", "affinity", "nodeSelector", "imagePullSecrets", "topologySpreadConstraints"],
    )
    def test_field_as_the_user_wrote_it(self, template: Object, field: str) -> None:
        assert holds(template["spec"][field], TEMPLATE["spec"][field])

    def test_everything_else_beside_what_is_ours(self, template: Object) -> None:
        spec = template["spec"]
        containers, init = named(spec["containers"]), named(spec["initContainers"])
        volumes = named(spec["volumes"])
        assert list(containers) == ["worker", "proxy"]
        assert list(init) == ["taskfleet", "migrate"]
        assert volumes.keys() == {"taskfleet", "cache"}
        worker = containers["worker"]
        assert {"name": "cache", "mountPath": "/cache"} in worker["volumeMounts"]
        assert worker["resources"]["requests"] == {"cpu": "250m"}
        assert worker["command"] == ["python", "/taskfleet/run.py", "worker"]
        assert (
            template["metadata"]["labels"].items() >= {"team": "shop", "taskfleet.dev/pool": "full"}.items()
        )
        assert template["metadata"]["annotations"]["example.com/scrape"] == "true"

    def test_security_settings_over_the_restricted_profile(self, template: Object) -> None:
        spec = template["spec"]
        worker = named(spec["containers"])["worker"]["securityContext"]
        assert worker["runAsUser"] == 1234
        for container in (*spec["containers"], named(spec["initContainers"])["migrate"]):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert spec["securityContext"].items() >= {"fsGroup": 2000, "runAsNonRoot": True}.items()


INVALID = [
    pytest.param(
        {"spec": {"containers": [{"name": "worker", "$patch": "delete"}]}},
        "spec.template.spec.containers[0].$patch: patch directives are not supported. Remove the directive",
        id="patch-directive",
    ),
    pytest.param(
        {"spec": {"containers": [{"image": "registry.example/proxy:1"}]}},
        "spec.template.spec.containers[0] has no name",
        id="container-without-a-name",
    ),
    pytest.param({"spec": {"tolerations": {"key": "spot"}}}, "tolerations", id="map-for-a-list"),
    pytest.param({"spec": {"volumes": "cache"}}, "must be a list", id="text-for-a-list"),
    pytest.param(
        {"spec": {"restartPolicy": "Never"}}, 'restartPolicy: Unsupported value: "Never"', id="value"
    ),
    pytest.param({"spec": {"color": "red"}}, "color", id="unknown-field"),
    pytest.param({"spec": {"hostNetwork": "yes"}}, "hostNetwork", id="type"),
    pytest.param(
        {"spec": {"containers": [{"name": "worker", "resources": {"limits": {"cpu": "lots"}}}]}},
        "spec.template.spec.containers[0].resources.limits.cpu is 'lots', which is not a valid quantity",
        id="quantity",
    ),
    pytest.param(
        {"spec": {"containers": [{"name": "worker", "volumeMounts": [{"name": "gone", "mountPath": "/x"}]}]}},
        'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "gone"',
        id="mount-without-a-volume",
    ),
]


@pytest.mark.parametrize(("template", "sentence"), INVALID)
def test_pool_with_a_template_that_cannot_be_built_keeps_its_deployment(
    kube: Kube, shared_namespace: str, template: Object, sentence: str
) -> None:
    pool = applied(kube, shared_namespace, {}, name="invalid")
    before = built(kube, pool)
    kube.patch("WorkerPool", "invalid", shared_namespace, {"spec": {"template": template}})
    stalled = wait_for_condition(kube, pool, "Stalled", "True", "InvalidSpec", saying=sentence)
    assert condition(stalled, "Ready")["reason"] == "InvalidSpec"
    assert wait_for_deployment(kube, pool)["spec"] == before["spec"]

    kube.patch("WorkerPool", "invalid", shared_namespace, {"spec": {"template": None}})
    wait_for_condition(kube, pool, "Stalled", "False")


def test_pool_that_begins_with_such_a_template_starts_nothing(kube: Kube, namespace: str) -> None:
    pool = applied(kube, namespace, {"spec": {"color": "red"}})
    wait_for_condition(kube, pool, "Stalled", "True", "InvalidSpec")
    wait_for(
        lambda: any("color" in text for text in warnings_of(kube, pool)), 10, what="an event that says so"
    )
    stays(lambda: not kube.list("Pod", namespace, selector="taskfleet.dev/pool=shop"), 1, what="no pod")
    kube.patch("WorkerPool", "shop", namespace, {"spec": {"template": None}})
    wait_for(lambda: kube.list("Pod", namespace, selector="taskfleet.dev/pool=shop"), 20, what="its pod")


def test_suspending_a_pool_works_whatever_its_template(kube: Kube, namespace: str) -> None:
    pool = applied(kube, namespace, {})
    built(kube, pool)
    kube.patch("WorkerPool", "shop", namespace, {"spec": {"template": {"spec": {"color": "red"}}}})
    wait_for_condition(kube, pool, "Stalled", "True", "InvalidSpec")
    kube.patch("WorkerPool", "shop", namespace, {"spec": {"suspend": True}})
    wait_for_deployment(kube, pool, replicas=0)


@pytest.mark.usefixtures("shared_operator")
@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_a_service_account_that_is_removed_is_gone(kube: Kube, namespace: str, field: str) -> None:
    def account() -> tuple[object, object]:
        live = kube.get("Deployment", "shop-worker", namespace) or {"spec": {"template": {"spec": {}}}}
        spec = live["spec"]["template"]["spec"]
        return spec.get("serviceAccountName"), spec.get("serviceAccount")

    kube.apply(worker_pool(namespace, replicas=0, template={"spec": {field: "powerful"}}))
    wait_for(lambda: account() == ("powerful", "powerful"), 30, what="the account")
    kube.patch("WorkerPool", "shop", namespace, {"spec": {"template": {"spec": {field: None}}}})
    wait_for(lambda: account() == (None, None), 30, what="no account")


def claim(namespace: str, mode: str) -> Object:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "media", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def test_a_claim_that_one_node_mounts_is_pointed_out_with_the_way_out(kube: Kube, namespace: str) -> None:
    kube.apply(claim(namespace, "ReadWriteOnce"))
    volumes = [{"name": "media", "persistentVolumeClaim": {"claimName": "media"}}]
    template = {"spec": {"volumes": volumes}}
    pool = applied(kube, namespace, template)
    wait_for_condition(
        kube, pool, "VolumesShared", "False", "SingleNodeClaim", saying="Set spec.strategy.type to Recreate"
    )
    kube.apply(worker_pool(namespace, "shop", template=template, strategy={"type": "Recreate"}))

    def gone() -> bool:
        live = kube.get("WorkerPool", "shop", namespace) or {}
        settled = live["status"]["observedGeneration"] == live["metadata"]["generation"]
        return settled and not condition(live, "VolumesShared")

    wait_for(gone, 20, what="a pool without the condition")
