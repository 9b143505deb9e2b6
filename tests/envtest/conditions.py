"""Conditions and events of our own objects, as a test looks at them."""

from typing import Any

from taskfleet.api import Object
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for


def condition(obj: Object, kind: str) -> Object:
    """The condition of that type; empty where there is none."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})


def wait_for_condition(
    kube: Kube, obj: Object, kind: str, status: str, *reasons: Any, saying: str = "", timeout: float = 30
) -> Object:
    """The object, once the condition about its newest generation is so; its message contains `saying`."""
    metadata = obj["metadata"]
    wanted = f"{kind}={status} {'/'.join(reasons)} {saying!r} of {obj['kind']} {metadata['name']}"
    seen: Object = {}

    def so() -> Object | None:
        nonlocal seen
        live = kube.get(obj["kind"], metadata["name"], metadata["namespace"]) or {}
        seen = condition(live, kind)
        held = seen.get("status") == status and (not reasons or seen.get("reason") in reasons)
        current = seen.get("observedGeneration") == live.get("metadata", {}).get("generation")
        return {**live, "kind": obj["kind"]} if held and current and saying in seen["message"] else None

    try:
        return wait_for(so, timeout, what=wanted) or {}
    except AssertionError as error:
        raise AssertionError(f"{error}; the condition is {seen}") from None


def events_of(kube: Kube, obj: Object) -> list[Object]:
    """The events about the object."""
    uid = obj["metadata"]["uid"]
    events = kube.list("Event", obj["metadata"]["namespace"])
    return [event for event in events if event["involvedObject"]["uid"] == uid]


def warnings_of(kube: Kube, obj: Object) -> list[str]:
    return [
        f"{event['reason']}: {event['message']}"
        for event in events_of(kube, obj)
        if event["type"] == "Warning"
    ]
