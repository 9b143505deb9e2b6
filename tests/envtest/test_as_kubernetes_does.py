"""Habits of Kubernetes that reach a fleet: restarts of a rollout, the user's labels, pull policies."""

import pytest

from taskfleet.api import Object
from tests.envtest.conditions import condition, wait_for_condition
from tests.envtest.pods import kubelet
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

pytestmark = pytest.mark.usefixtures("shared_operator")


def pool_of(kube: Kube, namespace: str, image: str = "registry.example/app:1") -> Object:
    pool = {**kube.apply(worker_pool(namespace, replicas=2, image=image)), "kind": "WorkerPool"}
    wait_for(lambda: not wait_for_deployment(kube, pool)["spec"].get("paused"), 30, what="more than the seed")
    wait_until_settled(kube, pool)
    return pool


def test_a_restart_of_the_rollout_is_reconciling_until_it_is_over(kube: Kube, namespace: str) -> None:
    pool = pool_of(kube, namespace)
    with kubelet(kube, namespace):
        wait_for(
            lambda: wait_for_deployment(kube, pool)["status"].get("readyReplicas") == 2, 30, what="two pods"
        )
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    kube.patch("Deployment", "shop-worker", namespace, body)
    told = wait_for_condition(kube, pool, "Reconciling", "True", saying="not replaced yet")
    assert condition(told, "Stalled")["status"] == "False"
    with kubelet(kube, namespace):
        wait_for_condition(kube, pool, "Reconciling", "False")


def test_the_users_labels_come_and_go_and_restart_nothing(kube: Kube, namespace: str) -> None:
    pool = pool_of(kube, namespace)
    before = wait_for_deployment(kube, pool)["spec"]

    def labels(kind: str) -> Object:
        live: Object = (kube.get(kind, "shop-worker", namespace) or {})["metadata"]["labels"]
        return live

    kinds = ("Deployment", "PodDisruptionBudget")
    given = {"team": "shop", "app.kubernetes.io/instance": "x"}
    kube.patch("WorkerPool", "shop", namespace, {"metadata": {"labels": given}})
    for kind in kinds:
        wait_for(lambda kind=kind: labels(kind).get("team") == "shop", 15, what=f"the label of a {kind}")  # type: ignore[misc]
        assert "app.kubernetes.io/instance" not in labels(kind)
    kube.patch("WorkerPool", "shop", namespace, {"metadata": {"labels": {"team": None}}})
    for kind in kinds:
        wait_for(lambda kind=kind: "team" not in labels(kind), 15, what=f"no label of a {kind}")  # type: ignore[misc]
    assert wait_for_deployment(kube, pool)["spec"] == before


def test_an_image_without_a_tag_leaves_no_pull_policy_behind(kube: Kube, namespace: str) -> None:
    pool = pool_of(kube, namespace, image="registry.example/app")

    def policy() -> str:
        containers = wait_for_deployment(kube, pool)["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["imagePullPolicy"])

    assert policy() == "Always"
    kube.patch("WorkerPool", "shop", namespace, {"spec": {"image": "registry.example/app:2"}})
    wait_for_deployment(kube, pool, image="registry.example/app:2")
    assert policy() == "IfNotPresent"
