"""How many pods a pool wants, and what follows its size."""

from pathlib import Path

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import condition, events_of, wait_for_condition
from tests.envtest.pods import kubelet, pods_of
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.cluster import kubectl
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

pytestmark = pytest.mark.usefixtures("shared_operator")


def change(kube: Kube, pool: Object, **spec: object) -> None:
    kube.patch("WorkerPool", pool["metadata"]["name"], pool["metadata"]["namespace"], {"spec": spec})


@pytest.fixture
def pool(kube: Kube, namespace: str, redis_server: RedisServer) -> Object:
    """A pool of two, on a broker that answers."""
    apply_external(kube, namespace, redis_server.url)
    made = {**kube.apply(worker_pool(namespace, replicas=2)), "kind": "WorkerPool"}
    wait_for_deployment(kube, made, replicas=2)
    return made


def test_suspended_pool_has_no_pod_and_is_ready_and_comes_back_as_it_was(
    kube: Kube, namespace: str, pool: Object
) -> None:
    with kubelet(kube, namespace):
        wait_for_condition(kube, pool, "Ready", "True", "Available")
        before = wait_for_deployment(kube, pool)["spec"]["template"]
        change(kube, pool, suspend=True)
        wait_for_deployment(kube, pool, replicas=0)
        suspended = wait_for_condition(kube, pool, "Ready", "True", "Suspended", saying="Set it to false")
        assert (
            suspended["status"]["lastDecision"].items() >= {"from": 2, "to": 0, "reason": "Suspended"}.items()
        )
        assert condition(suspended, "Reconciling")["status"] == "False"
        assert kube.get("PodDisruptionBudget", "shop-worker", namespace) is not None

        change(kube, pool, suspend=False)
        wait_for_deployment(kube, pool, replicas=2)
        wait_for_condition(kube, pool, "Ready", "True", "Available")
        assert wait_for_deployment(kube, pool)["spec"]["template"] == before


def scalings(kube: Kube, pool: Object) -> list[str]:
    return sorted(event["message"] for event in events_of(kube, pool) if event["reason"] == "Scaled")


def test_scaling_is_told_once_and_never_reconciles(kube: Kube, namespace: str, pool: Object) -> None:
    with kubelet(kube, namespace):
        wait_for_condition(kube, pool, "Ready", "True", "Available")
        kube.scale("WorkerPool", "shop", namespace, 5)
        scaled = wait_for_condition(kube, pool, "Ready", "True", saying="5 of 5 pods")
    assert condition(scaled, "Reconciling")["status"] == "False"
    assert len(pods_of(kube, pool)) == 5
    # Events follow the status.
    told = wait_for(lambda: len(found := scalings(kube, pool)) >= 2 and found, 30, what="both events")
    assert told == [
        "Scaled from 0 to 2 pods: spec.replicas is 2.",
        "Scaled from 2 to 5 pods: spec.replicas is 5.",
    ]


def test_kubectl_scales_a_pool_and_finds_its_pods_by_the_selector(
    kube: Kube, kubeconfig: Path, namespace: str, pool: Object
) -> None:
    result = kubectl.run(kubeconfig, "--namespace", namespace, "scale", "workerpool/shop", "--replicas=3")
    assert result.returncode == 0, result.stderr
    wait_for_deployment(kube, pool, replicas=3)
    wait_for(lambda: len(pods_of(kube, pool)) == 3, 20, what="three pods")
    selector = wait_until_settled(kube, pool)["status"]["selector"]
    assert len(kube.list("Pod", namespace, selector=selector)) == 3


def test_disruption_budget_comes_and_goes_with_the_maximum(kube: Kube, namespace: str, pool: Object) -> None:
    def budget() -> Object | None:
        return kube.get("PodDisruptionBudget", "shop-worker", namespace)

    first = wait_for(budget, 20, what="a budget") or {}
    assert first["spec"]["maxUnavailable"] == "25%"
    assert first["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    change(kube, pool, replicas=1)
    wait_for(lambda: not budget(), 20, what="no budget for one pod")
    change(kube, pool, replicas=None)
    wait_for_deployment(kube, pool, replicas=1)
    change(kube, pool, replicas=None, autoscale={"maxReplicas": 4})
    wait_for(budget, 20, what="a budget for up to four pods")
