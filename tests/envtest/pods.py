"""What a kubelet writes about pods, written by a test: a control plane alone runs none."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from taskfleet.api import Object
from tests.tools.kube import Kube, RefusedError
from tests.tools.waiting import wait_for


def pods_of(kube: Kube, owner: Object) -> list[Object]:
    """The pods of a pool or broker, those that are being deleted left out."""
    label = {"WorkerPool": "pool", "Broker": "broker"}[owner["kind"]]
    metadata = owner["metadata"]
    found = kube.list("Pod", metadata["namespace"], selector=f"taskfleet.dev/{label}={metadata['name']}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def wait_for_pod(kube: Kube, owner: Object) -> Object:
    """One of the pods, once there is one."""
    return wait_for(lambda: pods_of(kube, owner), 30, what=f"a pod of {owner['metadata']['name']}")[0]


def set_status(kube: Kube, pod: Object, status: Object) -> None:
    metadata = pod["metadata"]
    kube.patch("Pod", metadata["name"], metadata["namespace"], {"status": status}, subresource="status")


def ready(pod: Object) -> Object:
    """The status of a pod whose containers all run and are ready."""
    return {
        "phase": "Running",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
        "initContainerStatuses": [],
        "containerStatuses": [
            container_status(
                pod, container["name"], ready=True, state={"running": {"startedAt": _now()}}, restartCount=0
            )
            for container in pod["spec"]["containers"]
        ],
    }


def not_ready(pod: Object, *, container: str = "worker", init: bool = False, **fields: Any) -> Object:
    """The status of a pod on a node with one container in the state that `fields` say."""
    one = container_status(pod, container, init=init, **fields)
    return {
        "phase": "Pending" if init else "Running",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
        "initContainerStatuses": [one] if init else [],
        "containerStatuses": [] if init else [one],
    }


def container_status(pod: Object, name: str, *, init: bool = False, **fields: Any) -> Object:
    containers = pod["spec"]["initContainers" if init else "containers"]
    image = next(each["image"] for each in containers if each["name"] == name)
    return {"name": name, "image": image, "imageID": "", "ready": False, "restartCount": 0, **fields}


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, message: str = "", reason: str = "Error") -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": _now()}}


@contextmanager
def kubelet(kube: Kube, namespace: str | None = None) -> Iterator[None]:
    """Makes every pod of the namespace, or of all, ready within the block, those that are there and those that come."""
    stop = threading.Event()

    def serve() -> None:
        while not stop.wait(0.1):
            for pod in kube.list("Pod", namespace):
                if not is_ready(pod):
                    with suppress(RefusedError):  # gone meanwhile
                        set_status(kube, pod, ready(pod))

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield
    finally:
        stop.set()
        server.join()


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
