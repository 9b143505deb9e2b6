"""The user's pod template over the operator's: secure defaults below it, what stays the operator's above it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from taskfleet.api import GROUP, Object
from taskfleet.resources.errors import SpecError
from taskfleet.resources.list_keys import identity
from taskfleet.resources.security import default_for
from taskfleet.resources.template_merge import merge_template

Keys = frozenset[Any]


@dataclass(frozen=True)
class Owned:
    """What a template cannot change: fields of the pod and of one container, and list entries by their key."""

    container: str
    container_fields: frozenset[str]
    container_entries: Mapping[str, Keys]
    pod_fields: frozenset[str] = frozenset()
    pod_entries: Mapping[str, Keys] = field(default_factory=dict)


def with_user_template(built: Object, user: Object, *, owned: Owned, path: str) -> Object:
    """`built` with the user's template over it, but for the labels of our group and what `owned` names.

    Raises SpecError for a template that cannot be merged; `path` names its field.
    """
    _check_texts(user, path)
    merged = merge_template(_with_security_defaults(built, user), user, path=path)
    metadata = dict(merged.get("metadata") or {})
    ours = {
        name: value for name, value in built["metadata"]["labels"].items() if name.startswith(f"{GROUP}/")
    }
    metadata["labels"] = {**(metadata.get("labels") or {}), **ours}
    spec = _restore(merged.get("spec") or {}, built["spec"], owned.pod_fields, owned.pod_entries)
    containers = {container["name"]: container for container in spec.get("containers") or []}
    container = next(each for each in built["spec"]["containers"] if each["name"] == owned.container)
    users = containers.pop(owned.container, container)
    restored = _restore(users, container, owned.container_fields, owned.container_entries)
    spec = {**spec, **_service_account(spec), "containers": [restored, *containers.values()]}
    return {**merged, "metadata": metadata, "spec": spec}


def _service_account(spec: Object) -> Object:
    """The account under both of its names. The API server copies one to the other, and what it has copied would stay when
    the user's is removed: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec.
    """
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    return {"serviceAccountName": name, "serviceAccount": name} if name else {}


def _check_texts(user: Object, path: str) -> None:
    """Reject labels and annotations other than a map of strings: the API server's message names only the child."""
    metadata = user.get("metadata")
    if not isinstance(metadata, dict):
        return
    for name in ("labels", "annotations"):
        texts, where = metadata.get(name), f"{path}.metadata.{name}"
        if texts is not None and not isinstance(texts, dict):
            raise SpecError(f"{where} is {texts!r:.80}, but must be a map. Write it as in a pod template.")
        for key, value in (texts or {}).items():
            if value is not None and not isinstance(value, str):
                raise SpecError(f"{where}.{key} is {value!r:.80}, which is not a string. Quote it.")


def _with_security_defaults(built: Object, user: Object) -> Object:
    """`built` with a default security context for each container that the user names."""
    spec = dict(built["spec"])
    users_spec = user.get("spec")
    for name in ("initContainers", "containers"):
        ours = {container["name"]: container for container in spec.get(name, [])}
        users = users_spec.get(name) if isinstance(users_spec, dict) else None
        for container in users if isinstance(users, list) else []:
            if (key := identity(name, container)) is None:
                continue  # the merge says what is wrong with it
            mine = ours.get(key[0], {"name": key[0]})
            ours[key[0]] = {**mine, "securityContext": default_for(container, mine.get("securityContext"))}
        if ours:
            spec[name] = list(ours.values())
    return {**built, "spec": spec}


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
