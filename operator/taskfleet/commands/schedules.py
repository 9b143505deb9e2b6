"""`kubectl taskfleet schedules`: when each schedule runs next, when it last did, and what was missed."""

from datetime import UTC, datetime

from taskfleet.api import Object
from taskfleet.api.stored import condition_of, status_of
from taskfleet.commands.ages import relative
from taskfleet.commands.listing import Listing
from taskfleet.commands.output import ListForm
from taskfleet.kube.gateway import Gateway

_LISTING = Listing(
    field="schedules",
    columns={
        "NAMESPACE": "namespace",
        "NAME": "name",
        "TASK": "task",
        "SCHEDULE": "schedule",
        "NEXT": "next",
        "LAST": "last",
        "RUNS": "runs",
        "MISSED": "missed",
        "STATUS": "status",
    },
    wide={
        "TZ": "timeZone",
        "SUSPENDED": "suspended",
        "QUEUE": "queue",
        "BROKER": "broker",
        "LAST TASK ID": "lastTaskId",
        "MESSAGE": "message",
    },
    empty="No schedules.",
)
_LAST = "9999"  # sorts behind every moment


async def schedules(
    gateway: Gateway,
    namespace: str | None,
    *,
    selector: str = "",
    form: ListForm | None = None,
    now: datetime | None = None,
) -> int:
    """Print the schedules, the next to run first; without a namespace those of the whole cluster. Raises ApiError."""
    found = await gateway.list_objects("PeriodicSchedule", namespace, selector=selector)
    rows = sorted(map(row_of, found), key=lambda row: (row["next"] or _LAST, row["namespace"], row["name"]))
    moment = now or datetime.now(UTC)
    shown = [
        {**row, "next": relative(row["next"], moment), "last": relative(row["last"], moment)} for row in rows
    ]
    _LISTING.print(rows, form, short_name="psched", shown=shown)
    return 0


def row_of(raw: Object) -> Object:
    """The row of a PeriodicSchedule, its moments as the status has them."""
    status, spec = status_of(raw), raw["spec"]
    ready = condition_of(raw, "Ready") or {}
    return {
        "namespace": raw["metadata"]["namespace"],
        "name": raw["metadata"]["name"],
        "task": spec["task"],
        "schedule": times(spec),
        "next": status.get("nextScheduleTime"),
        "last": status.get("lastScheduleTime"),
        "runs": status.get("totalRunCount", 0),
        "missed": status.get("missedRunCount", 0),
        "status": ready.get("reason"),
        "timeZone": spec.get("timeZone") or "UTC",
        "suspended": bool(spec.get("suspend")),
        "queue": spec.get("queue") or "celery",
        "broker": (spec.get("brokerRef") or {}).get("name") or "default",
        "lastTaskId": status.get("lastTaskId"),
        "message": ready.get("message"),
    }


def times(spec: Object) -> str:
    """When it runs, in a few words."""
    if cron := spec.get("schedule"):
        return str(cron)
    if interval := spec.get("interval"):
        return f"every {interval}"
    if sun := spec.get("solar"):
        return f"{sun['event']} at {sun['latitude']},{sun['longitude']}"
    return f"once, {spec.get('clocked')}"
