"""The status of a PeriodicSchedule, from what was seen. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from taskfleet.api import Object, PeriodicSchedule, format_duration
from taskfleet.api.annotations import TRIGGER
from taskfleet.api.base import rfc3339
from taskfleet.api.periodic_schedule import MAX_TOKEN
from taskfleet.api.reasons import ScheduleReason
from taskfleet.brokers.schedules.state import RunState
from taskfleet.controllers.conditions import Reasoned, ready, reconciling, stalled
from taskfleet.controllers.pod_trouble import clean
from taskfleet.controllers.request_results import requested_by

LATE_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class ScheduleSeen:
    """A schedule and what there is of it."""

    schedule: PeriodicSchedule
    stalled: Reasoned | None = None  # only another spec helps
    missing: Reasoned | None = None  # something else must come first
    beat_problem: str | None = None  # why the broker's beat does not send
    state: RunState | None = None  # None: beat has not reported this schedule yet


def schedule_status(seen: ScheduleSeen, *, now: datetime) -> Object:
    generation = seen.schedule.metadata.generation
    problem = seen.stalled or seen.missing or _problem(seen, now)
    return {
        "observedGeneration": generation,
        **_figures(seen.state),
        **_trigger(seen),
        "conditions": [
            ready(problem is None, *(problem or _fine(seen)), generation=generation),
            reconciling(None, generation=generation),
            stalled(seen.stalled, generation=generation),
        ],
    }


def late_in(state: RunState | None, *, now: datetime) -> float | None:
    """Seconds until the next run would be late; None where none is planned, or it is late already."""
    if state is None or state.next is None:
        return None
    left = (state.next + LATE_AFTER - now).total_seconds() + 1.0
    return left if left > 0 else None


def _figures(state: RunState | None) -> Object:
    """Nothing new is known without a state, so the last figures stay."""
    if state is None:
        return {}
    return {
        "lastScheduleTime": _stamp(state.last_run),
        "nextScheduleTime": _stamp(state.next),
        "totalRunCount": state.runs,
        "missedRunCount": state.missed,
        "lastTaskId": state.last_task_id,
    }


def _trigger(seen: ScheduleSeen) -> Object:
    """The last run that was requested. An annotation that has changed since says nothing of who requested it."""
    state, annotations = seen.state, seen.schedule.metadata.annotations
    if state is None or not state.trigger or not state.trigger_task_id:
        return {}
    before = seen.schedule.status.last_trigger
    if annotations.get(TRIGGER, "").strip()[:MAX_TOKEN] == state.trigger:
        user = requested_by(annotations)
    else:
        user = (before.requested_by or "") if before is not None and before.token == state.trigger else ""
    answered = {"token": state.trigger, "taskId": state.trigger_task_id}
    return {"lastTrigger": answered | ({"requestedBy": user} if user else {})}


def _problem(seen: ScheduleSeen, now: datetime) -> Reasoned | None:
    if seen.beat_problem is not None:
        return ScheduleReason.BEAT_NOT_READY, seen.beat_problem
    if seen.state is None:
        return ScheduleReason.PENDING, "The broker's beat has not read this schedule yet."
    if seen.state.error is not None:
        return ScheduleReason.SENDING_FAILED, clean(seen.state.error)
    if seen.state.next is not None and now - seen.state.next > LATE_AFTER:
        return ScheduleReason.LATE, (
            f"The run scheduled for {_stamp(seen.state.next)} is more than "
            f"{format_duration(LATE_AFTER)} late. Check the log of the broker's beat."
        )
    return None


def _fine(seen: ScheduleSeen) -> Reasoned:
    if seen.schedule.spec.suspend:
        return (
            ScheduleReason.SUSPENDED,
            "spec.suspend is true, so no run is scheduled. Set it to false to resume.",
        )
    if seen.state is None or seen.state.next is None:
        return ScheduleReason.COMPLETED, "All runs have been sent."
    return ScheduleReason.SCHEDULED, "The broker's beat sends runs on time."


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
