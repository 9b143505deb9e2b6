"""What the reconcilers of all kinds have in common."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from taskfleet.api import InvalidObject, Key, Object, Resource
from taskfleet.api.reasons import Reason
from taskfleet.api.stored import is_terminating
from taskfleet.controllers.conditions import Reasoned
from taskfleet.controllers.context import Context
from taskfleet.controllers.pod_trouble import clean
from taskfleet.controllers.unreadable import write_unreadable
from taskfleet.kube.errors import DeniedError, InvalidError, NameConflictError
from taskfleet.kube.event import Event
from taskfleet.resources.errors import SpecError

R = TypeVar("R", bound=Resource)

NOT_APPLIED = (NameConflictError, SpecError, InvalidError, DeniedError)
"""Why a child differs from its wanted state, if the reason is in the cluster or the spec."""


async def reconcile_parsed(
    key: Key,
    context: Context,
    kind: type[R],
    work: Callable[[Object, R, Context], Awaitable[float | None]],
    *,
    forget: Callable[[Key, Context], None] = lambda _key, _context: None,
    unreadable: Callable[[Key, Context], None] = lambda _key, _context: None,
) -> float | None:
    """Let `work` bring an existing object to its spec; seconds until the next reconciliation.

    `forget` is called for an object that is gone or being deleted, `unreadable` for one that `kind` cannot read.
    """
    raw = context.cache.get(*key)
    if raw is None or is_terminating(raw):
        context.status.forget(key)
        forget(key, context)
        return None
    try:
        parsed = kind.parse(raw)
    except InvalidObject as error:
        unreadable(key, context)
        return await write_unreadable(raw, str(error), context)
    return await work(raw, parsed, context)


async def write_status(
    raw: Object, status: Object, context: Context, events: Callable[[], Iterable[Event | None]]
) -> float | None:
    """Write the status, then record `events`, which are made once it is written; seconds that the write must wait."""
    now = context.now()
    wait = await context.status.write(raw, status, now=now)
    if wait is None:
        for event in events():
            if event is not None:
                await context.events.record(raw, event, now=now)
    return wait


def not_applied(
    error: NameConflictError | SpecError | InvalidError | DeniedError, owner: str
) -> tuple[Reasoned, bool]:
    """The reason and its sentence, and whether only another spec helps. `owner`: the kind, as messages name it."""
    if isinstance(error, NameConflictError):
        message = (
            f"{error}. Rename the {owner}, or delete or rename the {error.kind} {error.name!r}, "
            "which the operator does not change."
        )
        return (Reason.NAME_CONFLICT, message), True
    if isinstance(error, DeniedError):
        return (
            Reason.APPLY_FAILED,
            f"The API server rejected a change, which is retried: {clean(error.message)}",
        ), False
    said = error.message if isinstance(error, InvalidError) else str(error)
    return (Reason.INVALID_SPEC, said[:1000]), True


def soonest(*seconds: float | None) -> float | None:
    """The least of the times that are there."""
    return min((each for each in seconds if each is not None), default=None)
