"""Kubernetes clusters for tests: `python -m tests.tools.cluster --help`, or cluster() from Python."""

from tests.tools.cluster.cli import cluster
from tests.tools.cluster.images import CATALOGUE, Image
from tests.tools.cluster.provider import Cluster, PartStatus
from tests.tools.cluster.state import ClusterError

__all__ = ["CATALOGUE", "Cluster", "ClusterError", "Image", "PartStatus", "cluster"]
