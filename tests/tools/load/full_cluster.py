"""A full cluster with the chart installed, for the figures that need pods that run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.fleet import Fleet
from tests.tools.cluster import CATALOGUE, cluster
from tests.tools.installation import IMAGES, install, wait_for_operator
from tests.tools.kube import Kube
from tests.tools.load.ground import NAMESPACE, step


@contextmanager
def full_cluster(_: Path) -> Iterator[Fleet]:
    """A namespace for the tests' app. A cluster that ran before is left running."""
    one = cluster("bench-full")
    found_running = bool(one.status())
    try:
        with step("bringing up a full cluster"):
            one.up("full")
            images = one.load([CATALOGUE[name] for name in IMAGES])
        with step("installing the operator"):
            install(one.kubeconfig, images)
            wait_for_operator(one.kubeconfig)
        kube = Kube(one.kubeconfig)
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield Fleet(one.kubeconfig, kube, NAMESPACE, images["taskfleet-quickstart"])
        kube.close()
    finally:
        if not found_running:
            one.down()
