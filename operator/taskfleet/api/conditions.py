"""Conditions, as kstatus and `kubectl wait` read them."""

from typing import Annotated, Literal

from taskfleet.api.base import Model, Timestamp
from taskfleet.api.schema import FollowsLoad, Limits

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
    """The reason for the status, one word for programs."""

    message: Annotated[str, Limits(maxLength=32768)] = ""
    """The details for people: what is wrong, where, and what to do."""

    observed_generation: Annotated[int, Limits(minimum=0)] = 0
    """The generation of the object that the condition was set for."""

    last_transition_time: Timestamp | None = None
    """When the status last changed."""


class Status(Model):
    """What every kind's status holds."""

    observed_generation: int = -1
    """The generation that the operator last reconciled; -1 before the first reconciliation."""

    conditions: Annotated[
        list[Condition],
        Limits(**{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "maxItems": 16}),
    ] = []
    """The state of the object by aspect, each with a reason and a message."""

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    @classmethod
    def counters(cls) -> frozenset[str]:
        """The fields that follow the load, by their names in JSON."""
        return frozenset(
            field.serialization_alias or name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, FollowsLoad) for mark in field.metadata)
        )
