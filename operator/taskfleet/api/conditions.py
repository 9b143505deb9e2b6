"""Conditions, as kstatus and `kubectl wait` read them."""

from typing import Annotated, Literal

from taskfleet.api.base import Model, Timestamp
from taskfleet.api.schema import Limits

READY_STATUS, READY_REASON, READY_MESSAGE = (
    f'.status.conditions[?(@.type=="Ready")].{part}' for part in ("status", "reason", "message")
)
"""Where the columns of `kubectl get` find the condition Ready."""


class Condition(Model):
    """One aspect of an object's state."""

    type: Annotated[str, Limits(maxLength=316)]
    """The aspect, such as Ready."""

    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""

    reason: Annotated[str, Limits(minLength=1, maxLength=1024)]
    """One word for programs: why the status is what it is."""

    message: Annotated[str, Limits(maxLength=32768)] = ""
    """A sentence for people: what is so, and what to do."""

    observed_generation: Annotated[int, Limits(minimum=0)] = 0
    """The generation of the object that this was said about."""

    last_transition_time: Timestamp | None = None
    """When the status last changed."""


class Status(Model):
    """What every kind's status holds."""

    observed_generation: int = -1
    """The generation that the rest of the status is about; -1 until the operator has looked."""

    conditions: Annotated[
        list[Condition],
        Limits(**{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "maxItems": 16}),
    ] = []
    """The state in single aspects, each with a reason and a sentence."""

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)
