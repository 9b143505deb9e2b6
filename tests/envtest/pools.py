"""WorkerPools for tests, and what is asked about them again and again."""

from typing import Any

from taskfleet.api import Object
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

_NOTHING_TO_LEARN: Object = {"pool": "prefork", "concurrency": 1, "queues": ["celery"]}


def worker_pool(namespace: str, name: str = "shop", **spec: Any) -> Object:
    """A valid pool; `spec` takes only what the test is about, and None for what is left to the app."""
    given = {"app": "proj", "image": "registry.example/app:1", **_NOTHING_TO_LEARN, **spec}
    if "processAutoscale" in spec:
        del given["concurrency"]
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "WorkerPool",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in given.items() if value is not None},
    }


def image(deployment: Object) -> str:
    """The worker's image."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return str(next(one["image"] for one in containers if one["name"] == "worker"))


def wait_for_deployment(kube: Kube, pool: Object, *, timeout: float = 60, **wanted: Any) -> Object:
    """The pool's Deployment, once it has the given `replicas` or `image`."""
    name, namespace = f"{pool['metadata']['name']}-worker", pool["metadata"]["namespace"]

    def so() -> Object | None:
        live = kube.get("Deployment", name, namespace)
        if live is None:
            return None
        seen = {"replicas": live["spec"].get("replicas"), "image": image(live)}
        return live if wanted.items() <= seen.items() else None

    return wait_for(so, timeout, what=f"Deployment {name} with {wanted or 'anything'}") or {}


def wait_until_settled(kube: Kube, pool: Object, *, timeout: float = 60) -> Object:
    """The pool, once its status tells of its newest spec and nothing is being changed."""
    name, namespace = pool["metadata"]["name"], pool["metadata"]["namespace"]

    def so() -> Object | None:
        live = kube.get("WorkerPool", name, namespace)
        if live is None or live["status"].get("observedGeneration") != live["metadata"]["generation"]:
            return None
        return live

    return wait_for(so, timeout, what=f"status of WorkerPool {name}") or {}
