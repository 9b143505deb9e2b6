"""What is told of children that others change. Pure."""

from taskfleet.api import Object
from taskfleet.api.reasons import EventReason
from taskfleet.kube.event import Event, Severity
from taskfleet.kube.field_writers import FieldWriter
from taskfleet.resources.labels import MANAGED_BY


def reverted(child: Object, path: str, writer: FieldWriter | None, owner: Object) -> Event:
    """`path` had another value than was applied, and is put back."""
    who = writer if writer is not None else "Somebody"
    message = (
        f"{who} changed {path} of {_name(child)}; it is put back. Change the {owner['kind']} instead, or what changes this"
        " object."
    )
    return Event(EventReason.CHANGE_REVERTED, message, Severity.WARNING)


def overridden(child: Object, path: str) -> Event:
    """The answer to an apply has `path` otherwise."""
    message = (
        f"{path} of {_name(child)} is stored otherwise than it was applied, by an admission webhook or policy, or by an API"
        " server that knows the field in another form. It is left so."
    )
    if path != f"metadata.labels.{MANAGED_BY}":
        return Event(EventReason.FIELD_OVERRIDDEN, message)
    advice = (
        " The operator follows its objects by this label, and learns late of changes without it: exempt it."
    )
    return Event(EventReason.FIELD_OVERRIDDEN, message + advice, Severity.WARNING)


def _name(child: Object) -> str:
    return f"{child['kind']} {child['metadata']['name']!r}"
