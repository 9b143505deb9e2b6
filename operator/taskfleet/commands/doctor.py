"""`kubectl taskfleet doctor`: checks an installation from outside; each finding says what is wrong and how to cure it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

from taskfleet.api import KINDS, Key, Object
from taskfleet.api.abnormal_conditions import abnormal_conditions
from taskfleet.api.reasons import ConditionType
from taskfleet.api.stored import condition_of
from taskfleet.commands.output import Form, print_answer
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

# As long as the operator itself waits before it calls a Lease unheld (kube/lease.py).
_UNHELD_SECONDS = 20.0
# Clocks of machines that keep time differ by less; Leases and schedules of the cluster depend on them.
_SKEW_SECONDS = 5.0


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """What a check found. `cure` is empty where nothing is to be done, or where the message says it."""

    level: Level
    check: str
    message: str
    cure: str = ""


def _now() -> datetime:
    return datetime.now(UTC)


async def doctor(
    gateway: Gateway,
    *,
    lease: Key,
    namespace: str | None,
    form: Form | None = None,
    now: Callable[[], datetime] = _now,
) -> int:
    """Print the findings; without a namespace about the whole cluster. 1 if one is an error. Raises ApiError."""
    found = [one async for one in _findings(gateway, lease, namespace, now)]
    lines = [_line(one) for one in found]
    print_answer({"findings": [asdict(one) for one in found]}, form, lines)
    return int(any(one.level is Level.ERROR for one in found))


def _line(finding: Finding) -> str:
    return f"{finding.level.value.upper():<8} {finding.check}: {finding.message} {finding.cure}".rstrip()


async def _findings(
    gateway: Gateway, lease: Key, namespace: str | None, now: Callable[[], datetime]
) -> AsyncIterator[Finding]:
    served = True
    for info in KINDS:
        if not await gateway.is_served(info.kind, namespace):
            served = False
            yield Finding(
                Level.ERROR,
                "CRDs",
                f"the API server does not know {info.kind}.",
                "Install the CRDs: taskfleet crds | kubectl apply --server-side -f -",
            )
    if not served:
        return
    yield Finding(Level.OK, "CRDs", "all kinds are served.")
    yield await _leader(gateway, lease, now())
    for info in KINDS:
        objects = await gateway.list_objects(info.kind, namespace)
        problems = [one for raw in objects for one in _of_object(raw)]
        for one in problems:
            yield one
        if not problems:
            yield Finding(Level.OK, f"{info.kind}s", f"{len(objects)} objects, and none asks for attention.")


async def _leader(gateway: Gateway, lease: Key, now: datetime) -> Finding:
    pods = f"kubectl -n {lease.namespace} get pods,events"
    try:
        held = await gateway.get(lease)
    except ApiError as error:
        return Finding(
            Level.WARNING,
            "operator",
            f"the Lease {lease.namespace}/{lease.name} cannot be read: {error.message.rstrip('.')}.",
            "Ask an administrator for permission to get Leases there, or set --lease-namespace and --lease-name.",
        )
    if held is None:
        return Finding(
            Level.ERROR,
            "operator",
            f"there is no Lease {lease.namespace}/{lease.name}: no operator has ever led.",
            f"Install the chart, run {pods}, or set --lease-namespace and --lease-name.",
        )
    return _of_lease(held["spec"], now, pods)


def _of_lease(spec: Object, now: datetime, pods: str) -> Finding:
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    if not holder or not renewed:
        return Finding(
            Level.ERROR, "operator", "nothing holds the Lease, so nothing scales.", f"Check its pods: {pods}"
        )
    age = (now - datetime.fromisoformat(renewed)).total_seconds()
    if age > _UNHELD_SECONDS:
        message = f"{holder} renewed the Lease {age:.0f} s ago, and no operator since."
        return Finding(Level.ERROR, "operator", message, f"Check its pods: {pods}")
    if age < -_SKEW_SECONDS:
        return Finding(
            Level.WARNING,
            "clocks",
            f"the Lease was renewed {-age:.0f} s in the future by this machine's clock.",
            "Synchronize the clocks of this machine and of the cluster's nodes.",
        )
    return Finding(Level.OK, "operator", f"{holder} leads.")


def _of_object(raw: Object) -> Iterator[Finding]:
    """Messages of conditions say what to do; Ready repeats what another condition says in full."""
    metadata = raw["metadata"]
    place = f"{raw['kind']} {metadata['namespace']}/{metadata['name']}"
    for condition in abnormal_conditions(raw):
        broken = condition["type"] in (ConditionType.READY.value, ConditionType.STALLED.value)
        level = Level.ERROR if broken else Level.WARNING
        yield Finding(level, place, f"{condition['type']}, {condition['reason']}: {condition['message']}")
    outdated = condition_of(raw, ConditionType.UP_TO_DATE.value)
    if outdated is not None and outdated["status"] == "False":
        yield Finding(
            Level.WARNING,
            place,
            "its pods have the runtime of another operator version.",
            f"kubectl taskfleet upgrade wp/{metadata['name']} -n {metadata['namespace']}",
        )
