"""The disruption budget of a pool's workers: at most a quarter of them is evicted at once."""

from taskfleet.api import Object, WorkerPool
from taskfleet.resources.labels import selector_labels
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pod_template import COMPONENT


def worker_pdb_name(pool: WorkerPool) -> str:
    return f"{pool.name}-worker"


def worker_pdb(pool: WorkerPool) -> Object | None:
    """None for a pool of one pod at most: a budget could only block the drain of its node or do nothing."""
    if _maximum(pool) <= 1:
        return None
    spec = {
        "maxUnavailable": "25%",
        # A pod that is not ready does not work, so it never keeps a node from being drained.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": selector_labels(pool, COMPONENT)},
    }
    metadata = child_metadata(pool, name=worker_pdb_name(pool), component=COMPONENT)
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}


def _maximum(pool: WorkerPool) -> int:
    """The maximum number of pods of the pool; suspending it does not remove its budget."""
    if pool.spec.autoscale is not None:
        return pool.spec.autoscale.max_replicas
    return 1 if pool.spec.replicas is None else pool.spec.replicas
