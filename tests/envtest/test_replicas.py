"""`spec.replicas` of a worker Deployment has one writer, and nothing that the operator applies undoes it."""

from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.conftest import StartOperator
from tests.envtest.faults import Fault
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.envtest.recording import recorded
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

NEW_IMAGE = "registry.example/app:2"


def owners_of_replicas(deployment: Object) -> set[str]:
    """The field managers that own `spec.replicas`."""
    return {
        entry["manager"]
        for entry in deployment["metadata"]["managedFields"]
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    }


@pytest.fixture
def fleet(kube: Kube, namespace: str, start_operator: StartOperator) -> Object:
    """A pool of 2 with its Deployment, and an operator that runs."""
    start_operator()
    pool = kube.apply(worker_pool(namespace, replicas=2))
    wait_for_deployment(kube, pool, replicas=2)
    wait_until_settled(kube, pool)
    return pool


def roll(kube: Kube, pool: Object) -> Object:
    """Change something that makes the operator apply the Deployment again."""
    kube.patch(
        "WorkerPool", pool["metadata"]["name"], pool["metadata"]["namespace"], {"spec": {"image": NEW_IMAGE}}
    )
    return wait_for_deployment(kube, pool, image=NEW_IMAGE)


def test_only_the_scale_manager_owns_replicas(kube: Kube, fleet: Object) -> None:
    assert owners_of_replicas(wait_for_deployment(kube, fleet)) == {"taskfleet-scale"}
    assert owners_of_replicas(roll(kube, fleet)) == {"taskfleet-scale"}


@pytest.mark.parametrize("number", [pytest.param(5, id="another-number"), pytest.param(2, id="same-number")])
def test_applying_after_a_scale_leaves_replicas_alone(kube: Kube, fleet: Object, number: int) -> None:
    with recorded(kube, "Deployment", fleet["metadata"]["namespace"]) as recording:
        kube.scale("WorkerPool", "shop", fleet["metadata"]["namespace"], number)
        wait_for_deployment(kube, fleet, replicas=number)
        deployment = roll(kube, fleet)
        wait_until_settled(kube, fleet)
    assert deployment["spec"]["replicas"] == number
    assert set(recording.replicas("shop-worker")) <= {2, number}
    assert recording.replicas("shop-worker")[-1] == number


def test_applying_with_a_stale_cache_leaves_replicas_alone(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    operator = start_operator(through=proxy)
    pool = kube.apply(worker_pool(namespace, replicas=2))
    wait_for_deployment(kube, pool, replicas=2)
    wait_until_settled(kube, pool)
    operator.wait_until_leading()
    with (
        proxy.inject(Fault(resources=["deployments"], verbs=["watch"], silence=True)) as silence,
        recorded(kube, "Deployment", namespace) as recording,
    ):
        wait_for(lambda: silence.hits, 10, what="a silent watch")
        # Somebody else changes the Deployment, which the operator does not see, and its size is decided anew.
        labels = {"metadata": {"labels": {"touched": "yes"}}}
        kube.patch("Deployment", "shop-worker", namespace, labels)
        kube.scale("WorkerPool", "shop", namespace, 5)
        wait_for_deployment(kube, pool, replicas=5)
        kube.patch("Deployment", "shop-worker", namespace, {"metadata": {"labels": {"touched": "again"}}})
        roll(kube, pool)
        wait_until_settled(kube, pool)
    assert recording.replicas("shop-worker") in ([2, 5], [5])


def test_operator_restart_leaves_replicas_alone(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    operator = start_operator(through=proxy)
    pool = kube.apply(worker_pool(namespace, replicas=3))
    wait_for_deployment(kube, pool, replicas=3)
    wait_until_settled(kube, pool)
    with recorded(kube, "Deployment", namespace) as recording:
        operator.terminate()
        operator.start().wait_until_leading()
        roll(kube, pool)
        wait_until_settled(kube, pool)
    assert set(recording.replicas("shop-worker")) == {3}


def test_somebody_elses_scale_of_the_deployment_is_put_back(kube: Kube, fleet: Object) -> None:
    kube.scale("Deployment", "shop-worker", fleet["metadata"]["namespace"], 9)
    wait_for_deployment(kube, fleet, replicas=2)


@pytest.mark.parametrize(
    "size", [pytest.param({"replicas": 0}, id="replicas-0"), pytest.param({"suspend": True}, id="suspended")]
)
def test_pool_created_at_zero_starts_no_pod(
    kube: Kube, namespace: str, start_operator: StartOperator, size: dict[str, Any]
) -> None:
    start_operator().wait_until_leading()
    with recorded(kube, "Deployment", namespace) as deployments, recorded(kube, "Pod", namespace) as pods:
        pool = kube.apply(worker_pool(namespace, **size))
        wait_for_deployment(kube, pool, replicas=0)
        wait_until_settled(kube, pool)
        # The Deployment controller has looked at the final state, so its pods would be there.
        wait_for(lambda: looked_at(kube, namespace), 30, what="the Deployment controller's look")
    assert deployments.replicas("shop-worker") == [0]
    workers = [pod for pod in pods.objects if "taskfleet.dev/pool" in pod["metadata"].get("labels", {})]
    assert workers == []


def looked_at(kube: Kube, namespace: str) -> bool:
    live = kube.get("Deployment", "shop-worker", namespace) or {}
    return bool(live and live["status"].get("observedGeneration") == live["metadata"]["generation"])
