"""Security contexts. All pass the Restricted Pod Security profile."""

from typing import Any

from taskfleet.api import Object


def restricted_pod() -> Object:
    """The pod's part of the Restricted profile."""
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def restricted_container() -> Object:
    """A container's part of the Restricted profile; its root file system stays writable."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def locked_down_container() -> Object:
    """For what the operator brings. Complete, so that no setting of the pod's loosens it."""
    return {**restricted_pod(), **restricted_container(), "readOnlyRootFilesystem": True}


def default_for(container: Object, built: Object | None) -> Object:
    """The default below a user's container: what was `built` for it, else the Restricted profile's part.

    The API server refuses to forbid escalation to a container that is privileged or has SYS_ADMIN.
    """
    asked = _map(container.get("securityContext"))
    added = _map(asked.get("capabilities")).get("add") or []
    default = dict(built or restricted_container())
    if asked.get("privileged") or not {"SYS_ADMIN", "CAP_SYS_ADMIN"}.isdisjoint(added):
        default.pop("allowPrivilegeEscalation", None)
    return default


def _map(value: Any) -> Object:
    return value if isinstance(value, dict) else {}
