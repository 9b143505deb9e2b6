"""Labels of everything that the operator makes."""

from taskfleet.api import GROUP, Broker, Resource

# Selectors, watches and the resync go by these alone.
MANAGED = f"{GROUP}/managed"
COMPONENT = f"{GROUP}/component"
RETAINED_FROM = f"{GROUP}/retained-from"

Labels = dict[str, str]


def selector_labels(owner: Resource, component: str) -> Labels:
    """The labels that select an owner's pods. A Deployment's selector is immutable, so these never change."""
    label = f"{GROUP}/broker" if isinstance(owner, Broker) else f"{GROUP}/pool"
    return {COMPONENT: component, label: owner.name}


def inherited_labels(owner: Resource) -> Labels:
    """The owner's labels that its children have too, though neither their pods nor their selectors.

    Without a prefix a label is private to the user: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/.
    One with a prefix may be a tool's, and Argo CD, Flux, Helm or kapp would take the child for its own.
    """
    return {name: value for name, value in owner.metadata.labels.items() if "/" not in name}


def child_labels(owner: Resource, component: str) -> Labels:
    """The labels of a child, and of its pods.

    The recommended ones are defaults: dashboards and Services go by those that a user's template gives instead.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
    """
    recommended = {"name": "taskfleet", "component": component, "managed-by": "taskfleet"}
    defaults = {f"app.kubernetes.io/{name}": value for name, value in recommended.items()}
    return {**defaults, **selector_labels(owner, component), MANAGED: "true"}
