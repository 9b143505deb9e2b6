"""A cluster that somebody else runs, given by the environment.

TASKFLEET_KUBECONFIG     its kubeconfig; the current context is used
TASKFLEET_IMAGE_PREFIX   what stands before image names, such as registry.example/team/
TASKFLEET_IMAGE_TAG      the tag that `make images` pushed; default: this checkout's version
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.tools.cluster import kubectl
from tests.tools.cluster.images import Image, prefixed, version
from tests.tools.cluster.provider import PartStatus
from tests.tools.cluster.state import ClusterError, Profile

KUBECONFIG = "TASKFLEET_KUBECONFIG"
PREFIX = "TASKFLEET_IMAGE_PREFIX"
TAG = "TASKFLEET_IMAGE_TAG"


class ExistingCluster:
    """See provider.Cluster. Images are not loaded: they must be in the registry that the prefix names."""

    def __init__(self, name: str, environment: Mapping[str, str] = os.environ) -> None:
        self.name = name
        self.image_prefix = environment.get(PREFIX, "")
        self._tag = environment.get(TAG) or version()
        self._kubeconfig = environment.get(KUBECONFIG, "")

    @property
    def kubeconfig(self) -> Path:
        if not self._kubeconfig:
            raise ClusterError(f"provider existing: set {KUBECONFIG} to the kubeconfig of your cluster.")
        return Path(self._kubeconfig)

    def up(self, profile: Profile = "full", nodes: int = 1) -> None:
        """Check that the cluster answers and has enough nodes that are Ready."""
        ready = kubectl.ready_nodes(self.kubeconfig)
        if profile == "full" and ready < nodes:
            raise ClusterError(f"{self.kubeconfig}: {ready} nodes are Ready, {nodes} are needed.")

    def down(self) -> None:
        """Nothing: who started the cluster ends it."""

    def status(self) -> list[PartStatus]:
        result = kubectl.run(self.kubeconfig, "get", "--raw=/readyz")
        return [PartStatus("API server", result.returncode == 0, result.stderr.strip())]

    def load(self, images: Sequence[Image]) -> Mapping[str, str]:
        return {
            image.name: image.public or prefixed(self.image_prefix, image.name, self._tag) for image in images
        }
