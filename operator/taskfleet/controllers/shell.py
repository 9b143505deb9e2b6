"""What the reconcilers of all kinds have in common."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from taskfleet.api import InvalidObject, Key, Object, Resource
from taskfleet.api.stored import is_terminating
from taskfleet.controllers.children import LeftOverError
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import UnknownChildError
from taskfleet.controllers.plan import Plan, soonest
from taskfleet.controllers.unreadable import write_unreadable
from taskfleet.kube.resource_types import key_of

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=Resource)

_LEFT_OVER_SECONDS = 1.0
_TRIES = 2


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

    `work` observes, plans, executes and reports; once more where memory lacked a child that its plan depends on.
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
    for _ in range(_TRIES):
        try:
            return await work(raw, parsed, context)
        except UnknownChildError:
            continue
        except LeftOverError:
            break
    return _LEFT_OVER_SECONDS


async def write_report(
    report: Plan, raw: Object, context: Context, *, reported: Callable[[], None] = lambda: None
) -> float | None:
    """Write the status, then record its events; seconds until the next reconciliation.

    `reported` is called once the status is written, before the events.
    """
    log.debug("reported", **key_of(raw)._asdict(), plan=report)
    wait = None
    if report.status is not None:
        now = context.now()
        wait = await context.status.write(raw, report.status, now=now)
        if wait is None:
            reported()
            for event in report.events:
                await context.events.record(raw, event, now=now)
    return soonest(wait, report.look_again, context.children.take_due(raw))
