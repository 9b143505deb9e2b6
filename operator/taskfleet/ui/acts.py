"""What the page can do: these changes and no others. A request names one, and the patch is made here. Pure but for
the tokens of requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from taskfleet.api import Object
from taskfleet.commands.tokens import (
    Request,
    failed_tasks_request,
    forget_request,
    purge_request,
    requeue_request,
    trigger_request,
    upgrade_patch,
)

_MAX_IDS = 1000
_MAX_ID = 255
_MAX_REPLICAS = 10_000


class InvalidActError(Exception):
    """Nothing was done. The text is a sentence for the user."""


@dataclass(frozen=True)
class Change:
    """A merge patch. `request` is what the operator will answer; None where nothing does. `signed`: it names its user."""

    patch: Object
    request: Request | None = None
    signed: bool = False


def change(kind: str, act: str, arguments: Mapping[str, object]) -> Change:
    """Raises InvalidActError for what is not offered."""
    made = _ACTS.get((kind, act))
    if made is None:
        raise InvalidActError(f"{act!r} is not possible on a {kind!r}.")
    return made(arguments)


def _asked(request: Request) -> Change:
    return Change(request.patch, request, signed=True)


def _ids(arguments: Mapping[str, object]) -> list[str]:
    ids = arguments.get("ids", [])
    if not isinstance(ids, list) or len(ids) > _MAX_IDS:
        raise InvalidActError(f"ids must be a list of at most {_MAX_IDS} ids.")
    for one in ids:
        # The annotation is a list of words, so an id with a space would be two.
        if not isinstance(one, str) or not 0 < len(one) <= _MAX_ID or len(one.split()) != 1:
            raise InvalidActError("An id must be one word.")
    return ids


def _scale(arguments: Mapping[str, object]) -> Change:
    return Change({"spec": {"replicas": _count(arguments, "replicas")}})


def _limits(arguments: Mapping[str, object]) -> Change:
    least, most = _count(arguments, "minReplicas"), _count(arguments, "maxReplicas")
    if least > most:
        raise InvalidActError(
            f"minReplicas is {least}, above maxReplicas {most}: lower it or raise maxReplicas."
        )
    return Change({"spec": {"autoscale": {"minReplicas": least, "maxReplicas": most}}})


def _count(arguments: Mapping[str, object], name: str) -> int:
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_REPLICAS:
        raise InvalidActError(f"{name} must be a number from 0 to {_MAX_REPLICAS}.")
    return value


def _suspended(suspend: bool) -> Callable[[Mapping[str, object]], Change]:
    return lambda _: Change({"spec": {"suspend": suspend}})


_ACTS: Mapping[tuple[str, str], Callable[[Mapping[str, object]], Change]] = {
    ("WorkerPool", "requeue"): lambda arguments: _asked(requeue_request(_ids(arguments))),
    ("WorkerPool", "forget"): lambda arguments: _asked(forget_request(_ids(arguments))),
    ("WorkerPool", "retry"): lambda _: _asked(failed_tasks_request("retry all")),
    ("WorkerPool", "forget-failed"): lambda _: _asked(failed_tasks_request("forget all")),
    ("WorkerPool", "upgrade"): lambda _: Change(upgrade_patch(), signed=True),
    ("WorkerPool", "suspend"): _suspended(True),
    ("WorkerPool", "resume"): _suspended(False),
    ("WorkerPool", "scale"): _scale,
    ("WorkerPool", "limits"): _limits,
    ("TaskQueue", "purge"): lambda arguments: _asked(purge_request(force=arguments.get("force") is True)),
    ("PeriodicSchedule", "trigger"): lambda _: _asked(trigger_request()),
    ("PeriodicSchedule", "suspend"): _suspended(True),
    ("PeriodicSchedule", "resume"): _suspended(False),
}
