"""Who may connect to a pool's workers and its beat: whom the user admits."""

from taskfleet.api import GROUP, Object, WorkerPool
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pod_template import COMPONENT


def worker_network_policy_name(pool: WorkerPool) -> str:
    return f"{pool.name}-worker"


def worker_network_policy(pool: WorkerPool) -> Object | None:
    """None where the user asks for none. Kubernetes lets the kubelet's probes through in any case."""
    policy = pool.spec.network_policy
    if policy is None:
        return None
    spec = {
        "podSelector": {"matchLabels": {f"{GROUP}/pool": pool.name}},
        "policyTypes": ["Ingress"],
        # Without an entry no peer is admitted; an entry without `from` would admit every peer.
        "ingress": [{"from": list(policy.admit)}] if policy.admit else [],
    }
    metadata = child_metadata(pool, name=worker_network_policy_name(pool), component=COMPONENT)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }
