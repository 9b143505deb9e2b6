"""One rule of the API: an object that it lets in, one that it refuses, and the words of the refusal."""

from dataclasses import dataclass
from importlib import import_module

from pydantic.alias_generators import to_snake

from taskfleet.api import GROUP, VERSION, Object


@dataclass(frozen=True)
class Case:
    """A rule of a kind; `field` is what the refusal names, below spec.

    `accepted` and `rejected` are changes to a valid spec; None as a value takes the field away.

    `before`, such changes too, is stored first where a rule compares with what was there.
    """

    kind: str
    title: str
    accepted: Object
    rejected: Object
    field: str
    answer: str  # after the field's name, all that the API server says
    before: Object | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"

    @property
    def refusal(self) -> str:
        """The whole answer of the API server to the object `subject`."""
        path = f"spec.{self.field}" if self.field else "spec"
        return f'{self.kind}.{GROUP} "subject" is invalid: {path}: {self.answer}'


def valid_spec(kind: str) -> Object:
    """A spec with which an object of the kind is valid, from the kind's table."""
    spec: Object = import_module(f"tests.envtest.rules.{to_snake(kind)}").VALID_SPEC
    return spec


def build(kind: str, changes: Object, *, name: str = "subject", namespace: str = "default") -> Object:
    """Build an object of the kind that is valid but for the changes to its spec."""
    spec = {field: value for field, value in {**valid_spec(kind), **changes}.items() if value is not None}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
