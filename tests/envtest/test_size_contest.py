"""A second writer of the size, and a size that is stored as another one: told by name, and not fought without end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taskfleet.api import Object
from tests.envtest.conditions import condition, events_of, wait_for_condition
from tests.envtest.conftest import StartOperator
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.envtest.webhook import webhook
from tests.tools.kube import TYPES, Kube
from tests.tools.waiting import stays, wait_for


def scale_writes(proxy: Proxy, since: int) -> int:
    """Tries among them: the Deployment's own controller writes meanwhile."""
    return sum(call.resource == "deployments" for call in proxy.writes(since))


@contextmanager
def rival(kube: Kube, namespace: str, size: int) -> Iterator[None]:
    """As a HorizontalPodAutoscaler: writes its size whenever the Deployment has another."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            live = kube.get("Deployment", "shop-worker", namespace) or {}
            if live["spec"]["replicas"] != size:
                path = TYPES["Deployment"].path(namespace, "shop-worker", "scale")
                body = {"spec": {"replicas": size}}
                merge = "application/merge-patch+json"
                kube.request("PATCH", path, body, content_type=merge, query={"fieldManager": "rival"})

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def pool_of(kube: Kube, namespace: str, replicas: int) -> Object:
    # No scheduler looks at its pods, which after a while would be ones without a node.
    unseen = {"spec": {"schedulerName": "none"}}
    pool = {**kube.apply(worker_pool(namespace, replicas=replicas, template=unseen)), "kind": "WorkerPool"}
    wait_for_deployment(kube, pool, replicas=replicas)
    wait_until_settled(kube, pool)
    return pool


def test_another_writer_of_the_size_is_named_and_met_at_growing_intervals(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    start_operator(through=proxy)
    pool = pool_of(kube, namespace, 5)
    before = len(proxy.calls)
    with rival(kube, namespace, 2):
        for kind, status in (("ScalingLimited", "True"), ("Ready", "False")):
            told = wait_for_condition(
                kube,
                pool,
                kind,
                status,
                "ReplicasOverwritten",
                saying="'rival' (Update of scale) repeatedly changes the replicas",
            )
        assert "most recently to 2" in condition(told, "Ready")["message"]
        stays(lambda: scale_writes(proxy, before) <= 16, 20, what="no storm of writes")
    (event,) = [one for one in events_of(kube, pool) if one["reason"] == "ReplicasOverwritten"]
    assert event["message"].startswith(
        "'rival' (Update of scale) changed the replicas of Deployment 'shop-worker'"
    )
    assert event["count"] > 1
    wait_for_deployment(kube, pool, replicas=5, timeout=70)


def test_one_write_of_somebody_else_is_put_back_at_once_and_told_by_an_event(
    kube: Kube, namespace: str, start_operator: StartOperator
) -> None:
    start_operator()
    pool = pool_of(kube, namespace, 2)
    kube.scale("Deployment", "shop-worker", namespace, 9)
    wait_for_deployment(kube, pool, replicas=2, timeout=10)
    wait_for(
        lambda: any(e["reason"] == "ReplicasOverwritten" for e in events_of(kube, pool)), 10, what="an event"
    )
    live = kube.get("WorkerPool", "shop", namespace) or {}
    assert condition(live, "ScalingLimited")["reason"] == "DesiredWithinRange"


def test_a_size_that_a_webhook_changes_is_told_and_tried_at_growing_intervals(
    kube: Kube, namespace: str, start_operator: StartOperator, tmp_path: Path
) -> None:
    start_operator()
    pool = pool_of(kube, namespace, 2)
    at_most_three: Object = {"op": "replace", "path": "/spec/replicas", "value": 3}
    with webhook(kube, namespace, "deployments", lambda _: [at_most_three], tmp_path / "webhook") as written:
        kube.scale("WorkerPool", "shop", namespace, 5)
        sentence = (
            "The operator set 5 replicas on Deployment 'shop-worker', but 3 were stored: an admission webhook"
        )
        wait_for_condition(kube, pool, "ScalingLimited", "True", "ScaleFailed", saying=sentence)
        sizes = written.copy
        stays(lambda: len(sizes()) < 12, 15, what="no storm of writes")
    wait_for_deployment(kube, pool, replicas=5, timeout=90)
    wait_for_condition(kube, pool, "ScalingLimited", "False")
