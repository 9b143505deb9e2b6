"""The disruption budget of a pool's workers: at most a quarter of them is evicted at once, unless the spec says otherwise."""

from taskfleet.api import Object, WorkerPool
from taskfleet.resources.labels import selector_labels
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pod_template import COMPONENT

_DEFAULT = "25%"


def worker_pdb_name(pool: WorkerPool) -> str:
    return f"{pool.name}-worker"


def worker_pdb(pool: WorkerPool) -> Object | None:
    """None where the spec wants none, and for a pool of one pod at most of which it says nothing.

    There a budget could only block the drain of its node or do nothing.
    """
    budget = pool.spec.disruption_budget
    if budget.enabled is False or (budget.max_unavailable is None and _maximum(pool) <= 1):
        return None
    spec = {
        "maxUnavailable": _DEFAULT if budget.max_unavailable is None else budget.max_unavailable,
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
