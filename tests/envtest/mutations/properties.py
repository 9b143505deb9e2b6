"""Every property of every kind's spec, read from the CRDs as they are installed."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from taskfleet.api import Object

_CRDS = Path(__file__).parents[3] / "crds"
# What stands for an item of a list, and for a value of a map whose names are free.
ITEM, VALUE = "[]", "{}"
_FREE_NAME = "cpu"


@dataclass(frozen=True)
class Property:
    """`path` is below spec: autoscale.minReplicas, env[].name, resources.limits{}."""

    kind: str
    path: str
    schema: Object
    required: bool

    @property
    def field(self) -> str:
        """The name that a message about it has to have."""
        return self.path.replace(ITEM, "").replace(VALUE, "").rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


def properties() -> list[Property]:
    found = []
    for path in sorted(_CRDS.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        found += list(_below(crd["spec"]["names"]["kind"], schema["properties"]["spec"], ""))
    return found


def _below(kind: str, schema: Object, path: str) -> Iterator[Property]:
    for name, part in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield from _and_below(Property(kind, here, part, name in schema.get("required", [])))
    if "items" in schema:
        yield from _and_below(Property(kind, path + ITEM, schema["items"], required=False))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _and_below(Property(kind, path + VALUE, schema["additionalProperties"], required=False))


def _and_below(one: Property) -> Iterator[Property]:
    yield one
    if not one.path.endswith("template"):  # Kubernetes describes it; values are tried as a whole
        yield from _below(one.kind, one.schema, one.path)


def with_value(spec: Object, path: str, value: Any) -> Object:
    """A copy of the spec with the property at `value`; what leads to it is made where it is not there."""
    return dict(_replaced(spec, _steps(path), value))


def _replaced(place: Any, steps: list[str | int], value: Any) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(step, int):
        items = list(place or [None])
        return [_replaced(items[0], rest, value), *items[1:]]
    return {**(place or {}), step: _replaced((place or {}).get(step), rest, value)}


def without(spec: Object, path: str) -> Object | None:
    """A copy of the spec without the property; None where it is not there."""
    copy = deepcopy(spec)
    *way, last = _steps(path)
    place: Any = copy
    try:
        for step in way:
            place = place[step]
        del place[last]
    except (KeyError, IndexError, TypeError):
        return None
    return copy


def _steps(path: str) -> list[str | int]:
    """Names, and 0 for the first item of a list."""
    steps: list[str | int] = []
    for part in path.split("."):
        steps.append(part.removesuffix(ITEM).removesuffix(VALUE))
        if part.endswith(ITEM):
            steps.append(0)
        if part.endswith(VALUE):
            steps.append(_FREE_NAME)
    return steps
