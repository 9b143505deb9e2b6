"""Events about children that other clients change. Pure."""

from taskfleet.api import Object
from taskfleet.api.reasons import EventReason
from taskfleet.kube.event import Event, Severity
from taskfleet.kube.field_writers import FieldWriter
from taskfleet.resources.labels import MANAGED


def reverted(child: Object, path: str, writer: FieldWriter | None, owner: Object) -> Event:
    """`path` had another value than was applied, and is put back."""
    who = writer if writer is not None else "Another client"
    message = (
        f"{who} changed {path} of {_name(child)}, and the operator reverted it. Change the "
        f"{owner['kind']} instead, or stop that client from changing this object."
    )
    return Event(EventReason.CHANGE_REVERTED, message, Severity.WARNING)


def overridden(child: Object, path: str) -> Event:
    """The answer to an apply has `path` otherwise."""
    message = (
        f"{path} of {_name(child)} is stored with another value than the operator applied: an "
        "admission webhook, a policy or the API server changed it. The operator keeps the stored "
        "value."
    )
    if path != f"metadata.labels.{MANAGED}":
        return Event(EventReason.FIELD_OVERRIDDEN, message)
    advice = (
        " The operator watches its objects by this label and sees changes late without it. Exempt the label."
    )
    return Event(EventReason.FIELD_OVERRIDDEN, message + advice, Severity.WARNING)


def _name(child: Object) -> str:
    return f"{child['kind']} {child['metadata']['name']!r}"
