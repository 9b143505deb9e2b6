"""A workload from any form of input: a pod template, and the number of its pods."""

from dataclasses import dataclass, field
from typing import Any

from taskfleet.api import Object
from taskfleet.convert.command_line import Started
from taskfleet.convert.notes import Note

PLACEHOLDER = "CHANGE-ME"
"""A value that the input does not have; the report lists each."""


@dataclass(frozen=True)
class Workload:
    """What runs somewhere today."""

    source: str  # as the report calls it, such as Deployment shop/celery
    kind: str
    name: str
    namespace: str | None
    template: Object  # a pod template; other forms than Kubernetes are brought into this one
    replicas: int | None
    grace_default: int  # what its form gives to a stopping process when nothing is said
    settings: Object = field(default_factory=dict)  # settings of its form outside of the template
    notes: tuple[Note, ...] = ()  # about bringing it into this form

    @property
    def pod(self) -> Object:
        return part(self.template, "spec")

    @property
    def containers(self) -> list[Object]:
        return entries(self.pod, "containers")

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return texts(part(part(self.template, "metadata"), "labels"))


@dataclass(frozen=True)
class Start:
    """One start of Celery in a container of a workload."""

    workload: Workload
    container: Object
    started: Started
    apart: frozenset[str] = frozenset()  # the containers of its workload that start Celery themselves
    alone: bool = True  # whether no other worker is in its workload


def part(parent: Any, name: str) -> Object:
    """A map within a map; empty where there is none."""
    value = parent.get(name) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def entries(parent: Any, name: str) -> list[Object]:
    """The maps of a list within a map; empty where there is none."""
    value = parent.get(name) if isinstance(parent, dict) else None
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def words(value: Any) -> list[str]:
    """A list of texts; empty where there is none."""
    return [str(word) for word in value] if isinstance(value, list) else []


def whole(value: Any, default: int) -> int:
    """A whole number; `default` where there is none, or a text that is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def texts(values: Object) -> dict[str, str]:
    """A map of texts, without what is null."""
    return {str(name): str(value) for name, value in values.items() if value is not None}
