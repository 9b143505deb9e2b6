"""A manifest under construction, and the tables that map settings to fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from taskfleet.api import GROUP, VERSION, Object
from taskfleet.convert.notes import Notes, Verdict


class Unreadable(ValueError):  # noqa: N818 - it names what it reports
    """A value that is not valid for its field. The text says why."""


class MeansNone(ValueError):  # noqa: N818 - as above
    """A value that means the same as omitting the field. The text says what it means."""


@dataclass(frozen=True)
class Field:
    """It becomes a field. `read` converts the given value and raises Unreadable or MeansNone."""

    path: str
    read: Callable[[Any], Any] = lambda value: value
    text: str = ""  # printed after the field's name


@dataclass(frozen=True)
class Extra:
    """It becomes one of extraArgs."""

    text: str = ""


@dataclass(frozen=True)
class Dropped:
    """It is not needed; `text` says what replaces it."""

    text: str
    verdict: Verdict = Verdict.CHANGED


@dataclass(frozen=True)
class Missing:
    """No field supports it; `text` says what happens instead, and what to do."""

    text: str


Place = Field | Extra | Dropped | Missing
Table = Mapping[str, Place]


@dataclass
class Draft:
    """The spec of one object, and the notes about its settings."""

    notes: Notes
    spec: Object = field(default_factory=dict)

    def place(self, table: Table, name: str, value: Any, *, subject: str | None = None) -> None:
        """Place `value` according to `table`. `subject` is its name in the input."""
        place, said = table[name], subject or name
        match place:
            case Field():
                self._fill(place, value, said)
            case Extra():
                argument = name if value is None else f"{name}={value}"
                self.spec.setdefault("extraArgs", []).append(argument)
                self.notes.kept(said, f"spec.extraArgs: {argument}{_and(place.text)}")
            case Dropped():
                self.notes.say(place.verdict, said, place.text)
            case Missing():
                self.notes.lost(said, place.text)

    def _fill(self, place: Field, value: Any, said: str) -> None:
        try:
            read = place.read(value)
        except MeansNone as meaning:
            self.notes.kept(said, f"{meaning} spec.{place.path} is not set.")
            return
        except Unreadable as error:
            self.notes.by_hand(said, f"{error} Set spec.{place.path}.")
            return
        self.put(place.path, read)
        self.notes.kept(said, f"spec.{place.path}{_and(place.text)}")

    def put(self, path: str, value: Any) -> None:
        """Set the field at a dotted path."""
        *parents, last = path.split(".")
        into = self.spec
        for parent in parents:
            into = into.setdefault(parent, {})
        into[last] = value

    def take_back(self, name: str, reason: str) -> None:
        """Omit a field that the API server would reject."""
        if name in self.spec:
            self.notes.lost(name, f"{self.spec.pop(name)} is omitted: {reason}")


def manifest(kind: str, name: str, namespace: str | None, spec: Mapping[str, Any]) -> Object:
    """One of our objects; without a namespace where the input names none."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _and(text: str) -> str:
    return f"; {text}" if text else ""
