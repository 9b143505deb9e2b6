"""What the page is given of an object: what it shows, and nothing of environments, arguments and pod templates. Pure."""

from typing import Any

from taskfleet.api import Object
from taskfleet.api.abnormal_conditions import abnormal_conditions
from taskfleet.api.stored import status_of

# The kinds that the page shows, and the fields of their specs.
SHOWN = {
    "WorkerPool": (
        *("app", "image", "pool", "concurrency", "processAutoscale", "queues", "brokerRef"),
        *("replicas", "autoscale", "suspend"),
    ),
    "Broker": ("visibilityTimeout",),
    "TaskQueue": ("brokerRef", "queueName", "alertAbove"),
    "PeriodicSchedule": (
        *("brokerRef", "task", "queue", "schedule", "interval", "solar", "clocked"),
        *("timeZone", "suspend", "startingDeadline"),
    ),
}
_HIDDEN_STATUS = ("selector", "binding", "credentials", "observedGeneration")


def shape(kind: str, raw: Object) -> Object:
    """An object of one of our kinds; `attention` has the types of the conditions that ask for it."""
    spec = raw.get("spec") or {}
    shown: Object = {name: spec[name] for name in SHOWN[kind] if name in spec}
    if kind == "Broker":
        shown["external"] = "external" in spec
    status = {name: value for name, value in status_of(raw).items() if name not in _HIDDEN_STATUS}
    attention = [one["type"] for one in abnormal_conditions(raw)]
    return {**reference(kind, raw), "spec": shown, "status": status, "attention": attention}


def event(raw: Object) -> Object:
    """A core Event, whether its writer used the old fields or the new ones."""
    about, series = raw.get("involvedObject") or {}, raw.get("series") or {}
    first = raw.get("firstTimestamp") or raw.get("eventTime") or raw["metadata"].get("creationTimestamp")
    return {
        **reference("Event", raw),
        "about": {name: about.get(name, "") for name in ("kind", "name")},
        "type": raw.get("type", ""),
        "reason": raw.get("reason", ""),
        "message": raw.get("message", ""),
        "count": raw.get("count") or series.get("count") or 1,
        "first": first,
        "last": raw.get("lastTimestamp") or series.get("lastObservedTime") or first,
    }


def reference(kind: str, raw: Object) -> dict[str, Any]:
    metadata = raw["metadata"]
    created = metadata.get("creationTimestamp")
    return {
        "kind": kind,
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "created": created,
    }
