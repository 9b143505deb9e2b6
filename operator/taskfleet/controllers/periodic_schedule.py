"""PeriodicSchedule: validated, passed to the broker's beat, and reported. docs/explanation/design/schedules.md describes beat."""

import structlog

from taskfleet.api import Key, Object, PeriodicSchedule
from taskfleet.api.reasons import EventReason
from taskfleet.controllers.broker_beat import beat_problem
from taskfleet.controllers.broker_ready import broker_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import execute
from taskfleet.controllers.schedule_plan import ScheduleInputs, plan_schedule, schedule_report
from taskfleet.controllers.shell import reconcile_parsed, write_report

log = structlog.get_logger(__name__)


async def reconcile(key: Key, context: Context) -> float | None:
    """Pass one schedule to its broker; seconds until the next reconciliation.

    A deleted one is taken away by the reconciliation of its Broker.
    """
    return await reconcile_parsed(key, context, PeriodicSchedule, _reconcile)


async def _reconcile(raw: Object, schedule: PeriodicSchedule, context: Context) -> float | None:
    context.schedules.wake_for(broker_of(schedule), raw)
    inputs = _observe(schedule, context)
    outcome = await execute(plan_schedule(inputs, now=context.now()), raw, context)
    recheck = context.settings.recheck_interval
    report = schedule_report(raw, inputs, outcome, recheck=recheck, now=context.now())

    def reported() -> None:
        for event in report.events:
            if event.reason == EventReason.TRIGGERED:
                log.info(
                    "schedule triggered", **schedule.key._asdict(), **(report.status or {})["lastTrigger"]
                )

    return await write_report(report, raw, context, reported=reported)


def _observe(schedule: PeriodicSchedule, context: Context) -> ScheduleInputs:
    """What memory knows of the schedule and its broker."""
    broker = broker_of(schedule)
    polled = context.schedules.seen(broker)
    return ScheduleInputs(
        schedule,
        context.cache.get(*broker),
        auto_create_broker=context.settings.auto_create_broker,
        without_state=context.brokers.without_state(broker),
        polled=polled is not None,
        beat_problem=beat_problem(broker, polled.heartbeat, context) if polled is not None else None,
        state=polled.states.get(schedule.metadata.uid) if polled is not None else None,
    )
