"""Who may connect to a managed Redis: what Taskfleet runs, and whom the user admits."""

from taskfleet.api import Broker, Object
from taskfleet.resources.broker_config_map import COMPONENT
from taskfleet.resources.broker_names import REDIS_PORT, broker_name
from taskfleet.resources.context import Installation
from taskfleet.resources.labels import MANAGED, selector_labels
from taskfleet.resources.metadata import child_metadata

_CHILDREN = {"matchLabels": {MANAGED: "true"}}
_OPERATOR = {
    "matchLabels": {"app.kubernetes.io/name": "taskfleet"}
}  # as in charts/taskfleet/templates/_helpers.tpl


def broker_network_policy(broker: Broker, installation: Installation) -> Object | None:
    """None where the user asks for none: producers could no longer connect."""
    policy = broker.spec.effective_redis.network_policy
    if policy is None:
        return None
    # Workers and beats of the namespace, and the operator in its own.
    peers: list[Object] = [{"podSelector": _CHILDREN}]
    if installation.namespace:
        namespace = {"matchLabels": {"kubernetes.io/metadata.name": installation.namespace}}
        peers.append({"namespaceSelector": namespace, "podSelector": _OPERATOR})
    spec = {
        "podSelector": {"matchLabels": selector_labels(broker, COMPONENT)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [*peers, *policy.admit], "ports": [{"port": REDIS_PORT, "protocol": "TCP"}]}],
    }
    metadata = child_metadata(broker, name=broker_name(broker.name), component=COMPONENT)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }
