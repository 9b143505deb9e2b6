"""An API server with its controllers and the project's CRDs, for tests and benchmarks that need no node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.tools.cluster import cluster
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

_CRDS = Path(__file__).parents[2] / "crds"


@contextmanager
def control_plane(name: str) -> Iterator[Path]:
    """The kubeconfig of an administrator. A cluster that ran before is left running."""
    one = cluster(name)
    found_running = bool(one.status())
    try:
        one.up("control-plane")
        install_crds(one.kubeconfig)
        yield one.kubeconfig
    finally:
        if not found_running:
            one.down()


def install_crds(kubeconfig: Path) -> None:
    """Bring the cluster's CRDs to those of the checkout."""
    kube = Kube(kubeconfig)
    for path in sorted(_CRDS.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        kube.apply(crd)
        name = crd["metadata"]["name"]
        wait_for(lambda name=name: _served(kube, name), 30, what=f"CRD {name}")  # type: ignore[misc]
    kube.close()


def _served(kube: Kube, name: str) -> bool:
    status = (kube.get("CustomResourceDefinition", name) or {}).get("status") or {}
    conditions = status.get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
