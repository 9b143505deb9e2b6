"""The content of a field of a Kubernetes object, by its name: the keys of a list's entries, and amounts."""

from collections.abc import Mapping
from typing import Any

LIST_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    # A container's port has the first, a Service's the second.
    "ports": ("containerPort", "port", "protocol"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "resourceClaims": ("name",),
    "claims": ("name",),
    "schedulingGates": ("name",),
    "ownerReferences": ("uid",),
}

# Lists of entries without a key of their own, where one entry more never takes away from another.
KEYLESS_SETS = frozenset({"tolerations", "envFrom"})

# Maps whose values are amounts, such as 500m or 1Gi.
QUANTITY_MAPS = frozenset({"limits", "requests", "overhead"})

# Values the API server fills in for a key that is left out.
_DEFAULTS = {"protocol": "TCP"}

Identity = tuple[Any, ...]


def identity(field: str, entry: Any) -> Identity | None:
    """The key of this entry of list `field`; None if the list or the entry has no key."""
    keys = LIST_KEYS.get(field)
    if keys is None or not isinstance(entry, dict) or all(entry.get(key) is None for key in keys):
        return None
    values = tuple(entry.get(key, _DEFAULTS.get(key)) for key in keys)
    return None if any(isinstance(value, dict | list) for value in values) else values
