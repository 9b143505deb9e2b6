"""Metadata of children."""

from taskfleet.api import GROUP, VERSION, Object, Resource
from taskfleet.resources.labels import RETAINED_FROM, child_labels, inherited_labels


def child_metadata(owner: Resource, *, name: str, component: str) -> Object:
    """Metadata of a child that goes with its owner."""
    return {
        "name": name,
        "namespace": owner.namespace,
        "labels": inherited_labels(owner) | child_labels(owner, component),
        "ownerReferences": [owner_reference(owner)],
    }


def retained_metadata(owner: Resource, *, name: str, component: str) -> Object:
    """Metadata of a child that outlives its owner and is found again by the next one of that name."""
    return {
        "name": name,
        "namespace": owner.namespace,
        "labels": inherited_labels(owner) | child_labels(owner, component),
        "annotations": {RETAINED_FROM: owner.metadata.uid},
    }


def owner_reference(owner: Resource) -> Object:
    """Without blockOwnerDeletion, which would hold up a foreground deletion and needs a right of its own."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": owner.key.kind,
        "name": owner.name,
        "uid": owner.metadata.uid,
        "controller": True,
    }
