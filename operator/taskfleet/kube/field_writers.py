"""Who else wrote a field, by managedFields: https://kubernetes.io/docs/reference/using-api/server-side-apply/. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from taskfleet.api import Object
from taskfleet.kube.field_managers import MANAGER, SCALE_MANAGER

_OURS = frozenset({MANAGER, SCALE_MANAGER})


@dataclass(frozen=True)
class FieldWriter:
    """One entry of managedFields: who wrote, how and when."""

    manager: str
    operation: str  # Apply or Update
    subresource: str  # such as scale; empty for the object itself
    time: str

    @classmethod
    def of(cls, entry: Object) -> Self:
        text = {name: str(entry.get(name) or "") for name in ("manager", "operation", "subresource", "time")}
        return cls(**text)

    def __str__(self) -> str:
        """Without the time, so that the same one is the same in every event."""
        what = f"{self.operation} of {self.subresource}" if self.subresource else self.operation
        return f"{self.manager or 'unknown client'!r} ({what})"


def other_writer(live: Object, path: str) -> FieldWriter | None:
    """Who owns the field at `path`, such as `spec.replicas`, and is not this operator; the latest of several."""
    return _latest(entry for entry in _others(live) if _owns(entry.get("fieldsV1") or {}, path))


def latest_writer(live: Object) -> FieldWriter | None:
    """The other client that wrote last, whatever it wrote: a removed field has no owner."""
    return _latest(_others(live))


def _others(live: Object) -> Iterator[Object]:
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("manager") not in _OURS and entry.get("subresource") != "status":
            yield entry


def _latest(entries: Iterator[Object]) -> FieldWriter | None:
    writers = [FieldWriter.of(entry) for entry in entries]
    return max(writers, key=lambda writer: writer.time, default=None)


def _owns(fields: Object, path: str) -> bool:
    """Whether a set of fields has `path` in it. A field without fields of its own is owned as a whole."""
    if not path or not fields:
        return True
    if path.startswith("["):  # of a list, entries are named by their keys: any of them
        rest = path.partition("]")[2].removeprefix(".")
        return any(_owns(inner, rest) for name, inner in fields.items() if name[0] in "kvi")
    for name, inner in fields.items():
        field = name.removeprefix("f:")  # of metadata.labels, one may have dots
        if path.startswith(field) and (path == field or path[len(field)] in ".["):
            return _owns(inner, path[len(field) :].removeprefix("."))
    return False
