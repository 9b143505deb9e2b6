"""What keeps a PeriodicSchedule from its broker's beat, what is made first, and what is reported of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from taskfleet.api import Object, PeriodicSchedule
from taskfleet.api.reasons import ConditionType, EventReason, Reason, ScheduleReason
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.schedules.entry import schedule_problem
from taskfleet.brokers.schedules.state import RunState
from taskfleet.controllers.broker_ready import broker_of, broker_problem
from taskfleet.controllers.conditions import Reasoned, reason_of
from taskfleet.controllers.missing_broker import plan_without_broker
from taskfleet.controllers.plan import Outcome, Plan, Problem, soonest
from taskfleet.controllers.request_results import as_requested_by
from taskfleet.controllers.schedule_status import ScheduleSeen, late_in, schedule_status
from taskfleet.kube.event import Event, Severity

# What ends them, such as a new Deployment of beat, reconciles the Broker and not its schedules.
_UNTOLD = (Reason.BROKER_MISSING, ScheduleReason.BEAT_NOT_READY)
_TOLD = (ScheduleReason.INVALID_SCHEDULE, ScheduleReason.LATE, ScheduleReason.SENDING_FAILED)


@dataclass(frozen=True)
class ScheduleInputs:
    """A schedule and what memory knows around it."""

    schedule: PeriodicSchedule
    broker: Object | None
    auto_create_broker: bool = True
    without_state: Capabilities | None = None  # of a broker that is known to keep no state of Taskfleet's
    polled: bool = False  # whether anything is known from beat
    beat_problem: str | None = None  # why the broker's beat does not send
    state: RunState | None = None  # None: beat has not reported this schedule yet


def plan_schedule(inputs: ScheduleInputs, *, now: datetime) -> Plan:
    """Nothing, but for a Broker that is missing: beat's entries follow the objects by themselves."""
    broker = broker_of(inputs.schedule)
    if (wrong := schedule_problem(inputs.schedule.spec, now=now)) is not None:
        return _stop((ScheduleReason.INVALID_SCHEDULE, wrong), final=True)
    if inputs.broker is None:
        return plan_without_broker(broker, auto_create=inputs.auto_create_broker)
    if (problem := broker_problem(inputs.broker)) is not None:
        return _stop((ScheduleReason.BROKER_NOT_READY, problem), final=False)
    if inputs.without_state is not None:
        message = (
            f"Broker {broker.name!r} is a {inputs.without_state.name}, which does not support "
            "PeriodicSchedules. Set spec.brokerRef.name to a Redis Broker, or run the app's own "
            "beat (spec.beat of a WorkerPool)."
        )
        return _stop((ScheduleReason.REDIS_REQUIRED, message), final=True)
    return Plan()


def _stop(why: Reasoned, *, final: bool) -> Plan:
    return Plan(problem=Problem(why, final))


def seen_after(inputs: ScheduleInputs, outcome: Outcome) -> ScheduleSeen:
    schedule, problem = inputs.schedule, outcome.problem
    if problem is None:
        return ScheduleSeen(schedule, beat_problem=inputs.beat_problem, state=inputs.state)
    if problem.final:
        return ScheduleSeen(schedule, stalled=problem.why)
    return ScheduleSeen(schedule, missing=problem.why)


def schedule_report(
    raw: Object, inputs: ScheduleInputs, outcome: Outcome, *, recheck: float, now: datetime
) -> Plan:
    """`raw`: the schedule as it is stored. `recheck`: seconds until another look at what no watch reports."""
    if outcome.problem is None and not inputs.polled and _is_reported(raw, inputs.schedule):
        # The poll in progress will show; until then the last condition holds.
        return Plan(look_again=recheck)
    seen = seen_after(inputs, outcome)
    status = schedule_status(seen, now=now)
    verdict = status["conditions"][0]
    new = verdict["reason"] in _TOLD and reason_of(raw, ConditionType.READY) != verdict["reason"]
    return Plan(
        status=status,
        events=(
            *((Event(verdict["reason"], verdict["message"], Severity.WARNING),) if new else ()),
            *_trigger_event(inputs.schedule, status),
        ),
        look_again=soonest(recheck if verdict["reason"] in _UNTOLD else None, late_in(seen.state, now=now)),
    )


def _trigger_event(schedule: PeriodicSchedule, status: Object) -> Iterator[Event]:
    last, before = status.get("lastTrigger"), schedule.status.last_trigger
    if last is not None and (before is None or before.token != last["token"]):
        by = as_requested_by(last.get("requestedBy", ""))
        yield Event(EventReason.TRIGGERED, f"Sent task {last['taskId']} in addition to the schedule{by}.")


def _is_reported(raw: Object, schedule: PeriodicSchedule) -> bool:
    """Whether the status covers this generation."""
    covered = schedule.status.observed_generation == schedule.metadata.generation
    return covered and reason_of(raw, ConditionType.READY) is not None
