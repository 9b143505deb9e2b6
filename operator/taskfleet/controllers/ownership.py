"""The owner of a live object: one of ours, a predecessor of the same name, or another owner. Pure."""

from taskfleet.api import GROUP, Object
from taskfleet.controllers.applies import APPLIED_HASH, applied_hash
from taskfleet.kube.cache import BROKER_LABEL, POOL_LABEL
from taskfleet.resources.labels import MANAGED, RETAINED_FROM


def controlled_by(live: Object, owner: Object) -> bool:
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in _controllers(live))


def controlled_by_predecessor(live: Object, owner: Object) -> bool:
    """Whether it belonged to a deleted object of the owner's kind and name, so that it is being collected."""
    names = (owner["kind"], owner["metadata"]["name"])
    return any(
        (reference["kind"], reference["name"]) == names and reference["apiVersion"].startswith(f"{GROUP}/")
        for reference in _controllers(live)
    )


def not_ours(live: Object, owner: Object) -> str | None:
    """Why a child that `owner` does not control has another owner; None if we made it for an object of that name."""
    for reference in _controllers(live):
        return f"its controller is {reference['kind']} {reference['name']!r}"
    expected = {MANAGED: "true", _label(owner): owner["metadata"]["name"]}
    labels = live["metadata"].get("labels") or {}
    for name, value in expected.items():
        if labels.get(name) != value:
            return f"it has no label {name}={value}"
    return None if applied_hash(live) else f"it has no annotation {APPLIED_HASH}"


def is_retained(live: Object, owner: Object) -> bool:
    """Whether a deleted owner of this name left the child behind, or this one keeps it without owning it."""
    metadata = live["metadata"]
    labeled = (metadata.get("labels") or {}).get(_label(owner)) == owner["metadata"]["name"]
    return labeled and RETAINED_FROM in (metadata.get("annotations") or {})


def other_selector(live: Object, wanted: Object) -> str | None:
    """Why a workload of ours can never become what is wanted; None where it can. Its selector is immutable."""
    if wanted["kind"] not in ("Deployment", "StatefulSet"):
        return None
    if (live.get("spec") or {}).get("selector") == wanted["spec"]["selector"]:
        return None
    return "its selector is that of an earlier version, and Kubernetes does not let a selector change"


def _controllers(live: Object) -> list[Object]:
    references = live["metadata"].get("ownerReferences") or []
    return [reference for reference in references if reference.get("controller")]


def _label(owner: Object) -> str:
    return BROKER_LABEL if owner["kind"] == "Broker" else POOL_LABEL
