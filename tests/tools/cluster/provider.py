"""A Kubernetes cluster for tests, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tests.tools.cluster.images import Image
from tests.tools.cluster.state import Profile

ProviderName = Literal["auto", "existing", "kind", "bare"]


@dataclass(frozen=True)
class PartStatus:
    """One part of a cluster, for a person to read."""

    name: str
    healthy: bool
    detail: str = ""


class Cluster(Protocol):
    """A cluster of one name. Every call may be interrupted and made again."""

    name: str
    image_prefix: str  # what stands before the name of every image that the cluster can start

    @property
    def kubeconfig(self) -> Path:
        """The credentials of an administrator; the file exists while the cluster runs."""

    def up(self, profile: Profile = "full", nodes: int = 1) -> None:
        """Return when the cluster can be used. One that already runs is left alone."""

    def down(self) -> None:
        """Leave nothing behind, whatever state the cluster is in."""

    def status(self) -> list[PartStatus]:
        """Each part and whether it works; empty where there is no such cluster."""

    def load(self, images: Sequence[Image]) -> Mapping[str, str]:
        """Make images startable on every node; the full reference of each by its name."""
