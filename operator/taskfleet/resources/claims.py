"""PersistentVolumeClaims that a pod template names."""

from collections.abc import Collection, Mapping
from typing import Any

from taskfleet.api import Object

_CONTAINERS = ("initContainers", "containers")
_MOUNTS = ("volumeMounts", "volumeDevices")


def claims_of(template: Object) -> Mapping[str, str]:
    """The claim of each volume that has one, by the volume's name. The template may have any shape."""
    found: dict[str, str] = {}
    for volume in _entries(template.get("spec"), "volumes"):
        claim = volume.get("persistentVolumeClaim")
        name = claim.get("claimName") if isinstance(claim, dict) else None
        if isinstance(name, str) and isinstance(volume.get("name"), str):
            found[volume["name"]] = name
    return found


def without_claims(template: Object, claims: Collection[str]) -> Object:
    """The template without the volumes of these claims, and without their mounts."""
    gone = {volume for volume, claim in claims_of(template).items() if claim in claims}
    if not gone:
        return template
    spec = dict(template["spec"])
    spec["volumes"] = [
        one for one in spec["volumes"] if not isinstance(one, dict) or one.get("name") not in gone
    ]
    for field in _CONTAINERS:
        if isinstance(spec.get(field), list):
            spec[field] = [_without_mounts(one, gone) for one in spec[field]]
    return {**template, "spec": spec}


def _without_mounts(container: Any, gone: Collection[str]) -> Any:
    if not isinstance(container, dict):
        return container
    kept = {
        field: [one for one in mounts if not isinstance(one, dict) or one.get("name") not in gone]
        for field in _MOUNTS
        if isinstance(mounts := container.get(field), list)
    }
    return {**container, **kept}


def _entries(place: Any, field: str) -> list[Object]:
    entries = place.get(field) if isinstance(place, dict) else None
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
