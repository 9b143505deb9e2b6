"""What of a pod template stays the operator's, whatever the user's template says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from taskfleet.api import Object
from taskfleet.resources.list_keys import identity

Keys = frozenset[Any]


@dataclass(frozen=True)
class Owned:
    """Fields of the pod's spec and of one container, and entries of their lists by key."""

    container: str
    container_fields: frozenset[str]
    container_entries: Mapping[str, Keys]
    pod_fields: frozenset[str] = frozenset()
    pod_entries: Mapping[str, Keys] = field(default_factory=dict)


def restore_owned(merged: Object, built: Object, owned: Owned) -> Object:
    """`merged` with what the operator owns as in `built`: our labels, and all that `owned` names."""
    metadata = dict(merged.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **built["metadata"]["labels"]}
    spec = _restore(merged.get("spec") or {}, built["spec"], owned.pod_fields, owned.pod_entries)
    containers = {container["name"]: container for container in spec.get("containers") or []}
    ours = next(each for each in built["spec"]["containers"] if each["name"] == owned.container)
    users = containers.pop(owned.container, ours)
    restored = _restore(users, ours, owned.container_fields, owned.container_entries)
    return {**merged, "metadata": metadata, "spec": {**spec, "containers": [restored, *containers.values()]}}


def _restore(merged: Object, built: Object, fields: frozenset[str], entries: Mapping[str, Keys]) -> Object:
    restored = {name: value for name, value in merged.items() if name not in fields}
    restored |= {name: built[name] for name in fields if name in built}
    for name, keys in entries.items():
        ours = [entry for entry in built[name] if _key(name, entry) in keys]
        users = [entry for entry in merged.get(name) or [] if _key(name, entry) not in keys]
        restored[name] = ours + users
    return restored


def _key(name: str, entry: Object) -> Any:
    key = identity(name, entry)
    return key[0] if key else None
