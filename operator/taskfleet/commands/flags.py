"""kubectl's flags, as one value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterFlags:
    """kubectl's flags for a cluster and a namespace. None: the kubeconfig decides."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
