"""One change of one property on a living object, and all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from taskfleet.api import Object
from tests.envtest.mutations.properties import Property, properties, with_value, without
from tests.envtest.mutations.surroundings import surroundings
from tests.envtest.mutations.values import values

# A kind of schedule takes the place of the other.
_INSTEAD = {("PeriodicSchedule", name): "interval" for name in ("schedule", "clocked", "solar")}


@dataclass(frozen=True)
class Mutation:
    of: Property
    title: str
    before: Object
    after: Object
    valid: bool  # the API server lets `after` in

    def __str__(self) -> str:
        return f"{self.of}: {self.title}"


def mutations() -> list[Mutation]:
    return [mutation for one in properties() for mutation in _of(one)]


def _of(one: Property) -> Iterator[Mutation]:
    before = surroundings(one)
    instead = _INSTEAD.get((one.kind, one.path))
    cleared = without(before, instead) if instead else before
    assert cleared is not None
    for value in values(one):
        after = with_value(cleared, one.path, value.value)
        if after != before:
            yield Mutation(one, value.title, before, after, value.valid)
    if (removed := without(before, one.path)) is not None:
        yield Mutation(one, "removed", before, removed, not one.required)
