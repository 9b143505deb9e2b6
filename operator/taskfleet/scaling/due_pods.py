"""Which pods are to be recycled: those that are older, or whose worker uses more memory, than the spec says. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from taskfleet.api import Object, format_duration, parse_quantity
from taskfleet.api.recycle import Recycle
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.scaling.load import Due

_MEBIBYTE = 1024 * 1024


def due_pods(
    recycle: Recycle, pods: Iterable[Object], reports: Mapping[str, LastReport], *, now: datetime
) -> dict[str, Due]:
    """The pods that are due, by name."""
    due = {}
    for pod in pods:
        name = pod["metadata"]["name"]
        known = reports.get(name)
        why = _too_large(recycle, known) or _too_old(recycle, pod, now)
        if why is not None:
            due[name] = Due(why, pod["metadata"]["uid"])
    return due


def _too_old(recycle: Recycle, pod: Object, now: datetime) -> str | None:
    created = pod["metadata"].get("creationTimestamp")
    if recycle.max_age is None or created is None:
        return None
    age = now - datetime.fromisoformat(created)
    if age <= recycle.max_age:
        return None
    return (
        f"it is {_age(int(age.total_seconds()))} old and recycle.maxAge is {format_duration(recycle.max_age)}"
    )


def _too_large(recycle: Recycle, known: LastReport | None) -> str | None:
    memory = known.report.memory if known is not None else None
    if recycle.max_memory is None or memory is None or memory <= parse_quantity(recycle.max_memory):
        return None
    return f"it uses {memory // _MEBIBYTE} MiB and recycle.maxMemory is {recycle.max_memory}"


def _age(seconds: int) -> str:
    """The two largest units; less than two minutes in seconds."""
    minutes = seconds // 60
    if minutes < 2:
        return f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
