"""What has become of our objects and their children, in a form in which two namespaces can be compared."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from taskfleet.api import KINDS, Object
from tests.tools.kube import Kube

Owner = tuple[str, str]
"""Kind and name of an object of ours."""

OWN_KINDS = tuple(info.kind for info in KINDS)
CHILD_KINDS = (
    *("Deployment", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "Service", "ConfigMap"),
    "Secret",
)
_HASH = re.compile(r'"taskfleet\.dev/[a-z]+-hash": "[^"]*"')  # of what has the namespace's name in it
_OF_ONE_OBJECT = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace")


@dataclass(frozen=True)
class State:
    """One object of ours as far as it should be the same wherever the spec is the same."""

    settled: bool  # the status tells of this generation, with a verdict
    conditions: dict[str, tuple[str, str, str]]  # status, reason and message by type
    children: dict[str, Object]  # by kind and name

    def says(self, kind: str) -> tuple[str, str, str]:
        return self.conditions.get(kind, ("", "", ""))


def states(kube: Kube, namespace: str, kinds: tuple[str, ...] = OWN_KINDS) -> dict[Owner, State]:
    """Every object of these kinds in the namespace."""
    children: dict[Owner, dict[str, Object]] = defaultdict(dict)
    for kind in CHILD_KINDS:
        for child in kube.list(kind, namespace):
            for owner in _owners(child):
                children[owner][f"{kind} {child['metadata']['name']}"] = comparable(child)
    return {
        (kind, obj["metadata"]["name"]): _state(obj, children[kind, obj["metadata"]["name"]])
        for kind in kinds
        for obj in kube.list(kind, namespace)
    }


def comparable(child: Object) -> Object:
    """The object without what two of the same spec differ in: identity, history, and what is drawn by lot."""
    metadata = child["metadata"]
    text = json.dumps(child)
    for own, name in [(metadata["namespace"], "NAMESPACE"), *((uid, "UID") for uid in _owner_uids(child))]:
        text = text.replace(own, name)
    plain: Any = json.loads(_HASH.sub('"hash": ""', text))
    plain.pop("status", None)
    for field in _OF_ONE_OBJECT:
        plain["metadata"].pop(field, None)
    plain["metadata"].setdefault("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    if child["kind"] == "Secret":
        plain["data"] = sorted(plain.get("data") or {})  # a password differs
    spec = plain.get("spec") or {}
    spec.pop("volumeClaimTemplates", None)  # nobody may change them
    if child["kind"] == "Service" and spec.get("clusterIP") != "None":
        spec.pop("clusterIP"), spec.pop("clusterIPs")
    return dict(plain)


def difference(one: Any, other: Any, path: str = "") -> str | None:
    """The first place where two values differ, with both; None where they are equal."""
    if one == other:
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = ((name, one.get(name), other.get(name)) for name in sorted({*one, *other}, key=str))
        return next(found for name, a, b in pairs if (found := difference(a, b, f"{path}.{name}")))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        items = enumerate(zip(one, other, strict=True))
        return next(found for at, (a, b) in items if (found := difference(a, b, f"{path}[{at}]")))
    return f"{path}: {one!r:.200} and {other!r:.200}"


def _state(obj: Object, children: dict[str, Object]) -> State:
    status, namespace = obj.get("status") or {}, obj["metadata"]["namespace"]
    told = {
        one["type"]: (one["status"], one["reason"], one["message"].replace(namespace, "NAMESPACE"))
        for one in status.get("conditions") or []
    }
    generation = obj["metadata"]["generation"]
    current = [
        one
        for one in status.get("conditions") or []
        if one["type"] == "Ready"
        and one.get("observedGeneration") == generation
        and one["status"] != "Unknown"
    ]
    return State(status.get("observedGeneration") == generation and bool(current), told, children)


def _owners(child: Object) -> Iterator[Owner]:
    for reference in child["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            yield reference["kind"], reference["name"]


def _owner_uids(child: Object) -> list[str]:
    return [reference["uid"] for reference in child["metadata"].get("ownerReferences") or []]
