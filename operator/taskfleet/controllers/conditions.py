"""Building the conditions that every kind has, in the form in which they are stored."""

from enum import StrEnum

from taskfleet.api import Object
from taskfleet.api.reasons import ConditionType, Reason
from taskfleet.api.stored import condition_of

Reasoned = tuple[StrEnum, str]
"""The reason of a condition, and its message."""


def condition(kind: ConditionType, holds: bool, reason: StrEnum, message: str, *, generation: int) -> Object:
    """A condition as stored; the status writer adds the time of its last change."""
    return {
        "type": kind.value,
        "status": "True" if holds else "False",
        "reason": reason.value,
        "message": message,
        "observedGeneration": generation,
    }


def ready(holds: bool, reason: StrEnum, message: str, *, generation: int) -> Object:
    return condition(ConditionType.READY, holds, reason, message, generation=generation)


def stalled(why: tuple[StrEnum, str] | None, *, generation: int) -> Object:
    """Stalled with a reason and a sentence, or not stalled."""
    reason, message = why or (Reason.SETTLED, "No errors in spec.")
    return condition(ConditionType.STALLED, why is not None, reason, message, generation=generation)


def reconciling(what: str | None, *, generation: int) -> Object:
    """Reconciling with a sentence about what is being changed, or settled."""
    reason = Reason.SETTLED if what is None else Reason.PROGRESSING
    message = what or "Up to date."
    return condition(ConditionType.RECONCILING, what is not None, reason, message, generation=generation)


def reason_of(obj: Object, kind: ConditionType) -> str | None:
    """The reason of a stored condition, None where there is none."""
    stored = condition_of(obj, kind)
    return None if stored is None else str(stored["reason"])
