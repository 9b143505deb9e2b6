"""A manifest in the making, and the tables that say where each thing that was read has its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from taskfleet.api import GROUP, VERSION, Object
from taskfleet.convert.notes import Notes, Verdict


class Unreadable(ValueError):  # noqa: N818 - it names what it reports
    """A value that its field cannot take. The text says what to do."""


class MeansNone(ValueError):  # noqa: N818 - as above
    """A value by which Celery means what the absence of the field means. The text says what that is."""


@dataclass(frozen=True)
class Field:
    """It becomes a field. `read` turns what was given into the field's value and raises Unreadable or MeansNone."""

    path: str
    read: Callable[[Any], Any] = lambda value: value
    text: str = ""  # what is to be said beyond the field's name


@dataclass(frozen=True)
class Extra:
    """It becomes one of extraArgs."""

    text: str = ""


@dataclass(frozen=True)
class Dropped:
    """It has no place because nothing needs it; `text` says what takes its place."""

    text: str
    verdict: Verdict = Verdict.CHANGED


@dataclass(frozen=True)
class Missing:
    """No field can say it; `text` says what happens instead, and the way out."""

    text: str


Place = Field | Extra | Dropped | Missing
Table = Mapping[str, Place]


@dataclass
class Draft:
    """The spec of one object, and the notes about what it was made of."""

    notes: Notes
    spec: Object = field(default_factory=dict)

    def place(self, table: Table, name: str, value: Any, *, subject: str | None = None) -> None:
        """Put `value` where `table` says. `subject` is how the input calls it."""
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
            self.notes.kept(said, f"{meaning} So spec.{place.path} is not set.")
            return
        except Unreadable as error:
            self.notes.by_hand(said, f"{error} Set spec.{place.path} yourself.")
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
        """Leave out a field that an apply would refuse."""
        if name in self.spec:
            self.notes.lost(name, f"{self.spec.pop(name)} is left out: {reason}")


def manifest(kind: str, name: str, namespace: str | None, spec: Mapping[str, Any]) -> Object:
    """One of our objects; without a namespace where the input names none."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _and(text: str) -> str:
    return f"; {text}" if text else ""
