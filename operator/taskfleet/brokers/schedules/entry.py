"""A PeriodicSchedule as the broker's beat reads it, and what cannot be one: docs/explanation/design/schedules.md. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from taskfleet.api import Object, PeriodicSchedule, PeriodicScheduleSpec
from taskfleet.api.annotations import TRIGGER
from taskfleet.api.periodic_schedule import MAX_TOKEN

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def schedule_problem(spec: PeriodicScheduleSpec, *, now: datetime) -> str | None:
    """A sentence about what the API server could not judge and beat could not plan."""
    try:
        zone = ZoneInfo(spec.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return (
            f"spec.timeZone is {spec.time_zone!r}, which is not a known time zone. Use an IANA "
            "time zone, such as Europe/Berlin."
        )
    kinds = (spec.schedule, spec.interval, spec.solar, spec.clocked)
    if sum(kind is not None for kind in kinds) != 1:
        return (
            "Exactly one of schedule, interval, solar and clocked must be set in spec. Set one, and "
            "remove the others."
        )
    if spec.interval is not None and spec.interval <= timedelta():
        return "spec.interval is 0s. Use at least 1s."
    return None if spec.schedule is None else _cron_problem(spec.schedule, now.astimezone(zone))


def _cron_problem(schedule: str, now: datetime) -> str | None:
    try:
        next(CronSim(_five_fields(schedule), now))
    except CronSimError as error:
        return (
            f"spec.schedule is {schedule!r}, which is not valid: {str(error).lower()}. Use minute "
            "(0-59), hour (0-23), day of month (1-31), month (1-12) and weekday (0-7), such as "
            "30 6 * * 1-5."
        )
    except StopIteration:
        return (
            f"spec.schedule is {schedule!r}, which never matches a date. Use a day that exists in the month."
        )
    return None


def _five_fields(schedule: str) -> str:
    return MACROS.get(schedule, " ".join(schedule.split()))


def trigger_of(schedule: PeriodicSchedule) -> str | None:
    """The token that requests one run at once."""
    return schedule.metadata.annotations.get(TRIGGER, "").strip()[:MAX_TOKEN] or None


def schedule_entry(
    schedule: PeriodicSchedule, before: Mapping[str, Any] | None, *, known: bool, now: datetime
) -> Object:
    """The entry. `before` is the one in Redis; `known` says that beat has a state of the schedule."""
    spec, created = schedule.spec, _created(schedule, now)
    timing = _timing(spec, created)
    return {
        "v": 1,
        "name": schedule.name,
        "task": spec.task,
        "args": spec.args,
        "kwargs": spec.kwargs,
        "headers": spec.headers,
        "queue": spec.queue,
        "priority": spec.priority,
        "expires": _seconds(spec.expires),
        "schedule": timing,
        "since": _since(before, timing, spec, known=known, created=created, now=now.timestamp()),
        "suspend": spec.suspend,
        "startingDeadline": _seconds(spec.starting_deadline),
        "catchUp": spec.catch_up,
        "trigger": trigger_of(schedule),
    }


def seed(schedule: PeriodicSchedule) -> Object | None:
    """The state that a Redis without one begins with; None where there is nothing to remember."""
    status = schedule.status
    last = status.last_schedule_time.timestamp() if status.last_schedule_time else None
    answered = status.last_trigger
    if last is None and answered is None and not status.missed_run_count:
        return None
    return {
        "seed": True,  # gone from the first state that beat writes
        "last": last,
        "lastRun": last,
        "lastTaskId": status.last_task_id,
        "runs": status.total_run_count,
        "missed": status.missed_run_count,
        "trigger": answered.token if answered else None,
        "triggerTaskId": answered.task_id if answered else None,
    }


def _timing(spec: PeriodicScheduleSpec, created: float) -> Object:
    if spec.schedule is not None:
        return {"cron": _five_fields(spec.schedule), "timeZone": spec.time_zone}
    if spec.interval is not None:
        return {"every": _seconds(spec.interval), "anchor": created}
    if spec.solar is not None:
        solar = spec.solar
        return {"solar": solar.event, "latitude": solar.latitude, "longitude": solar.longitude}
    assert spec.clocked is not None
    return {"clocked": spec.clocked.timestamp()}


def _since(
    before: Mapping[str, Any] | None,
    timing: Object,
    spec: PeriodicScheduleSpec,
    *,
    known: bool,
    created: float,
    now: float,
) -> float:
    """From when on planned times are this entry's: a changed timing asks for no run of the past."""
    if before is None:
        return now if known else created
    resumed = before.get("suspend") and not spec.suspend
    if before.get("schedule") != timing or resumed:
        return now
    since = before.get("since")
    return float(since) if isinstance(since, int | float) else created


def _created(schedule: PeriodicSchedule, now: datetime) -> float:
    return (schedule.metadata.creation_timestamp or now).timestamp()


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())
