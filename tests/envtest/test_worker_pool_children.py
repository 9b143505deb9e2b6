"""What one applied WorkerPool becomes, and how its children follow it."""

from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import condition, events_of, wait_for_condition, warnings_of
from tests.envtest.pods import kubelet, pods_of
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

CHILDREN = [
    ("Deployment", "shop-worker"),
    ("PodDisruptionBudget", "shop-worker"),
    ("ConfigMap", "default-broker"),
    ("Service", "default-broker"),
    ("StatefulSet", "default-broker"),
    ("Secret", "default-broker-connection"),
]
NEW_IMAGE = "registry.example/app:2"

pytestmark = pytest.mark.usefixtures("shared_operator")


def child(kube: Kube, kind: str, name: str, namespace: str) -> Object:
    return wait_for(lambda: kube.get(kind, name, namespace), 30, what=f"{kind} {name}") or {}


def fleet(kube: Kube, namespace: str, **spec: Any) -> Object:
    """A pool of two with all its children."""
    pool = {**kube.apply(worker_pool(namespace, **{"replicas": 2, **spec})), "kind": "WorkerPool"}
    for kind, name in CHILDREN:
        child(kube, kind, name, namespace)
    wait_for_deployment(kube, pool, replicas=pool["spec"]["replicas"], image=pool["spec"]["image"])
    wait_until_settled(kube, pool)
    return pool


def change(kube: Kube, pool: Object, **spec: Any) -> None:
    kube.patch("WorkerPool", pool["metadata"]["name"], pool["metadata"]["namespace"], {"spec": spec})


class TestOnePool:
    def test_brings_a_broker_with_a_password_that_outlives_it(self, kube: Kube, namespace: str) -> None:
        fleet(kube, namespace)
        broker = child(kube, "Broker", "default", namespace)
        assert broker["metadata"]["annotations"] == {"taskfleet.dev/auto-created": "true"}
        auth = child(kube, "Secret", "default-broker-auth", namespace)["metadata"]
        assert auth["annotations"]["taskfleet.dev/retained-from"] == broker["metadata"]["uid"]
        assert auth["labels"]["taskfleet.dev/broker"] == "default"
        assert "ownerReferences" not in auth

    def test_children_are_owned_and_carry_our_labels_and_no_gitops_marks(
        self, kube: Kube, namespace: str
    ) -> None:
        pool = worker_pool(namespace, replicas=2)
        pool["metadata"]["labels"] = {"app.kubernetes.io/instance": "shop"}
        pool["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:wp"}
        kube.apply(pool)
        owners = {
            "shop-worker": ("WorkerPool", fleet(kube, namespace)),
            "default-broker": ("Broker", child(kube, "Broker", "default", namespace)),
        }
        for kind, name in CHILDREN:
            metadata = child(kube, kind, name, namespace)["metadata"]
            owner_kind, owner = owners[name.removesuffix("-connection")]
            assert metadata["ownerReferences"] == [
                {
                    "apiVersion": "taskfleet.dev/v1alpha1",
                    "kind": owner_kind,
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ]
            assert metadata["labels"] == {
                "app.kubernetes.io/name": "taskfleet",
                "app.kubernetes.io/managed-by": "taskfleet",
                "app.kubernetes.io/component": "worker" if owner_kind == "WorkerPool" else "broker",
                "taskfleet.dev/component": "worker" if owner_kind == "WorkerPool" else "broker",
                "taskfleet.dev/managed": "true",
                f"taskfleet.dev/{'pool' if owner_kind == 'WorkerPool' else 'broker'}": owner["metadata"][
                    "name"
                ],
            }
            assert all(key.startswith(("taskfleet.dev/", "deployment.")) for key in metadata["annotations"])

    def test_starts_without_a_warning(self, kube: Kube, namespace: str) -> None:
        with kubelet(kube, namespace):
            pool = fleet(kube, namespace)
            broker = child(kube, "Broker", "default", namespace)
            wait_for(lambda: events_of(kube, broker), 10, what="an event of the Broker")
            wait_for(lambda: condition(live(kube, pool), "Ready")["reason"] == "BrokerNotReady", 20)
        # No name server knows the Redis here, so that the Broker stays out of reach in the end.
        assert [text for text in warnings_of(kube, broker) if not text.startswith("Unreachable")] == []
        assert warnings_of(kube, pool) == []

    def test_deleted_and_made_again_at_once_gets_its_own_children(self, kube: Kube, namespace: str) -> None:
        before = fleet(kube, namespace)
        old = child(kube, "Deployment", "shop-worker", namespace)["metadata"]["uid"]
        kube.delete("WorkerPool", "shop", namespace)
        after = kube.apply(worker_pool(namespace, replicas=3))
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        # A garbage collector that has just started learns of our kinds at its next discovery, each 30 s.
        deployment = wait_for_deployment(kube, after, replicas=3, timeout=120)
        assert deployment["metadata"]["uid"] != old
        for kind in ("Deployment", "PodDisruptionBudget"):
            metadata = child(kube, kind, "shop-worker", namespace)["metadata"]
            assert metadata["ownerReferences"][0]["uid"] == after["metadata"]["uid"]
        assert condition(wait_until_settled(kube, after), "Stalled")["status"] == "False"


def live(kube: Kube, pool: Object) -> Object:
    return kube.get("WorkerPool", pool["metadata"]["name"], pool["metadata"]["namespace"]) or {}


class TestChanges:
    @pytest.mark.parametrize(
        "spec",
        [
            pytest.param({"image": NEW_IMAGE}, id="image"),
            pytest.param({"queues": ["high", "low"]}, id="queues"),
            pytest.param({"env": [{"name": "A", "value": "1"}]}, id="env"),
            pytest.param(
                {"template": {"spec": {"priorityClassName": "system-node-critical"}}}, id="template"
            ),
            pytest.param({"timeLimit": "2m"}, id="time-limit"),
        ],
    )
    def test_of_the_spec_roll_the_deployment(self, kube: Kube, namespace: str, spec: dict[str, Any]) -> None:
        pool = fleet(kube, namespace)
        before = child(kube, "Deployment", "shop-worker", namespace)["spec"]["template"]
        change(kube, pool, **spec)

        def rolled() -> bool:
            return bool(child(kube, "Deployment", "shop-worker", namespace)["spec"]["template"] != before)

        wait_for(rolled, 20, what="another pod template")

    def test_of_status_prefixed_labels_and_annotations_touch_no_child(
        self, kube: Kube, namespace: str, shared_proxy: Proxy
    ) -> None:
        pool = fleet(kube, namespace)
        before = len(shared_proxy.calls)
        marks = {"labels": {"example.com/team": "shop"}, "annotations": {"example.com/note": "seen"}}
        kube.patch("WorkerPool", "shop", namespace, {"metadata": marks})
        kube.patch("WorkerPool", "shop", namespace, {"status": {"desiredReplicas": 7}}, subresource="status")
        wait_for(lambda: live(kube, pool)["status"]["desiredReplicas"] == 2, 20, what="a repaired status")
        written = {call.resource for call in shared_proxy.writes(before) if call.namespace == namespace}
        assert written <= {"workerpools/status", "brokers/status", "events"}

    def test_a_new_template_is_not_ready_before_its_pods_are(
        self, kube: Kube, namespace: str, redis_server: RedisServer
    ) -> None:
        apply_external(kube, namespace, redis_server.url)
        pool = {**kube.apply(worker_pool(namespace, replicas=2)), "kind": "WorkerPool"}
        with kubelet(kube, namespace):
            wait_for_condition(kube, pool, "Ready", "True", "Available")
        change(kube, pool, image=NEW_IMAGE)
        reconciling = wait_for_condition(kube, pool, "Reconciling", "True", "Progressing")
        assert condition(reconciling, "Reconciling")["message"].startswith("2 pods of the previous template")
        assert condition(reconciling, "Ready")["status"] == "False"
        with kubelet(kube, namespace):
            settled = wait_for_condition(kube, pool, "Reconciling", "False")
            assert condition(settled, "Ready")["status"] == "True"
        assert {pod["spec"]["containers"][0]["image"] for pod in pods_of(kube, pool)} == {NEW_IMAGE}
