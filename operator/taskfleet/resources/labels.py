"""Labels of everything that the operator makes. Labels of the owner are never among them."""

from taskfleet.api import GROUP, Broker, Resource

MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
RETAINED_FROM = f"{GROUP}/retained-from"

Labels = dict[str, str]


def selector_labels(owner: Resource, component: str) -> Labels:
    """The labels that select an owner's pods. A Deployment's selector is immutable, so these never change."""
    label = f"{GROUP}/broker" if isinstance(owner, Broker) else f"{GROUP}/pool"
    return {"app.kubernetes.io/name": "taskfleet", COMPONENT: component, label: owner.name}


def child_labels(owner: Resource, component: str) -> Labels:
    """The labels of a child, and of its pods."""
    return {**selector_labels(owner, component), MANAGED_BY: "taskfleet"}
