"""Objects as the API server stores them, ours and others': what is read of them in many places. Pure."""

from taskfleet.api.base import Object


def status_of(obj: Object) -> Object:
    """The status; empty where there is none yet."""
    return obj.get("status") or {}


def conditions_of(obj: Object) -> list[Object]:
    return status_of(obj).get("conditions") or []


def condition_of(obj: Object, kind: str) -> Object | None:
    """A stored condition; None where there is none of this type."""
    return next((dict(stored) for stored in conditions_of(obj) if stored["type"] == kind), None)


def is_ready(pod: Object) -> bool:
    """Whether the condition Ready is True."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions_of(pod))


def size_of(deployment: Object) -> int:
    """The number of pods that a Deployment asks for."""
    return int(deployment["spec"].get("replicas", 0))


def is_terminating(obj: Object) -> bool:
    """Whether the object has been deleted and still exists: finalizers, or a pod's grace period."""
    return obj["metadata"].get("deletionTimestamp") is not None
