"""Nodes of a bare cluster of the tests: what runs on one moves to another, and one is cut off from everything."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from taskfleet.api import Object
from tests.tools.cluster import Cluster
from tests.tools.cluster.addresses import Addresses
from tests.tools.cluster.state import read_record
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for
from tests.unit.objects import of_type


def names(kube: Kube) -> list[str]:
    return sorted(node["metadata"]["name"] for node in kube.list("Node"))


def is_ready(node: Object | None) -> bool:
    return node is not None and of_type(node["status"], "Ready")["status"] == "True"


@contextmanager
def unschedulable(kubectl: Kubectl, node: str) -> Iterator[None]:
    """No new pod comes to the node within the block."""
    kubectl("cordon", node)
    try:
        yield
    finally:
        kubectl("uncordon", node)


def evacuate(kube: Kube, kubectl: Kubectl, node: str) -> None:
    """Have what runs on a node started elsewhere; to be called while it is unschedulable."""
    for pod in kube.list("Pod"):
        if pod["spec"].get("nodeName") == node:
            meta = pod["metadata"]
            kubectl("delete", "pod", meta["name"], "--namespace", meta["namespace"], "--wait=true")
    wait_for(
        lambda: all(
            (one.get("status") or {}).get("availableReplicas", 0) >= one["spec"]["replicas"]
            for one in kube.list("Deployment")
        ),
        90,
        what="what ran on the node to be up again",
    )


@contextmanager
def cut_off(cluster: Cluster, number: int) -> Iterator[None]:
    """Nothing reaches the node, nor comes from it, within the block; its processes go on."""
    record = read_record(cluster.name)
    assert record is not None
    link = Addresses(record.slot).link(number)
    subprocess.run(["ip", "link", "set", link, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
