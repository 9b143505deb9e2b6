"""Kubernetes clusters for tests: `python -m tests.cluster --help`, or cluster() from Python."""

from tests.cluster.cli import cluster
from tests.cluster.images import CATALOGUE, Image
from tests.cluster.provider import Cluster, PartStatus
from tests.cluster.state import ClusterError

__all__ = ["CATALOGUE", "Cluster", "ClusterError", "Image", "PartStatus", "cluster"]
