"""PeriodicSchedule: validated, passed to the broker's beat, and reported. docs/explanation/design/schedules.md describes beat."""

from taskfleet.api import Key, Object, PeriodicSchedule
from taskfleet.api.reasons import ConditionType, Reason, ScheduleReason
from taskfleet.brokers.schedules.entry import schedule_problem
from taskfleet.controllers.auto_broker import auto_create_broker
from taskfleet.controllers.broker_beat import beat_problem
from taskfleet.controllers.broker_ready import broker_problem
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.schedule_status import ScheduleSeen, late_in, schedule_status
from taskfleet.controllers.shell import reconcile_parsed, soonest, write_status
from taskfleet.kube.event import Event, Severity

# What ends them, such as a new Deployment of beat, reconciles the Broker and not its schedules.
_UNTOLD = (Reason.BROKER_MISSING, ScheduleReason.BEAT_NOT_READY)
_TOLD = (ScheduleReason.INVALID_SCHEDULE, ScheduleReason.LATE, ScheduleReason.SENDING_FAILED)


async def reconcile(key: Key, context: Context) -> float | None:
    """Pass one schedule to its broker; seconds until the next reconciliation.

    A deleted one is taken away by the reconciliation of its Broker.
    """
    return await reconcile_parsed(key, context, PeriodicSchedule, _reconcile)


async def _reconcile(raw: Object, schedule: PeriodicSchedule, context: Context) -> float | None:
    broker = Key("Broker", schedule.namespace, schedule.spec.broker_ref.name)
    context.schedules.wake_for(broker, raw)
    seen = await _see(raw, schedule, broker, context)
    if seen is None:  # the poll in progress will show; until then the last condition holds
        return context.settings.recheck_interval
    return await _report(raw, seen, context)


async def _see(raw: Object, schedule: PeriodicSchedule, broker: Key, context: Context) -> ScheduleSeen | None:
    """None if nothing is known yet and the status already covers this generation."""
    found = ScheduleSeen(schedule)
    wrong = schedule_problem(schedule.spec, now=context.now())
    if wrong is not None:
        return ScheduleSeen(schedule, stalled=(ScheduleReason.INVALID_SCHEDULE, wrong))
    live = context.cache.get(*broker)
    if live is None:
        return ScheduleSeen(schedule, missing=await auto_create_broker(broker, context))
    if (problem := broker_problem(live)) is not None:
        return ScheduleSeen(schedule, missing=(ScheduleReason.BROKER_NOT_READY, problem))
    if (without := context.brokers.without_state(broker)) is not None:
        message = (
            f"Broker {broker.name!r} is a {without.name}, which does not support "
            "PeriodicSchedules. Set spec.brokerRef.name to a Redis Broker, or run the app's own "
            "beat (spec.beat of a WorkerPool)."
        )
        return ScheduleSeen(schedule, stalled=(ScheduleReason.REDIS_REQUIRED, message))
    kept = context.schedules.seen(broker)
    if kept is None:
        told = schedule.status.observed_generation == schedule.metadata.generation
        return None if told and reason_of(raw, ConditionType.READY) is not None else found
    return ScheduleSeen(
        schedule,
        beat_problem=beat_problem(broker, kept.heartbeat, context),
        state=kept.states.get(schedule.metadata.uid),
    )


async def _report(raw: Object, seen: ScheduleSeen, context: Context) -> float | None:
    """Write the status, then emit an event for a new problem; seconds until the next reconciliation."""
    now = context.now()
    status = schedule_status(seen, now=now)
    verdict = status["conditions"][0]
    new = verdict["reason"] in _TOLD and reason_of(raw, ConditionType.READY) != verdict["reason"]
    event = Event(verdict["reason"], verdict["message"], Severity.WARNING) if new else None
    wait = await write_status(raw, status, context, lambda: [event])
    again = context.settings.recheck_interval if verdict["reason"] in _UNTOLD else None
    return soonest(wait, again, late_in(seen.state, now=now))
