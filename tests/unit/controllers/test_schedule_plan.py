"""What keeps a PeriodicSchedule from beat, and what is made first, from what is known."""

from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Key, Object, PeriodicSchedule
from taskfleet.api.reasons import ScheduleReason
from taskfleet.brokers.capabilities import RABBITMQ
from taskfleet.controllers.plan import CreateBroker, Outcome, Plan
from taskfleet.controllers.schedule_plan import ScheduleInputs, plan_schedule, schedule_report
from tests.unit.controllers.scene import START, ready_broker
from tests.unit.objects import NAMESPACE, broker, conditions, own

CREATE = CreateBroker(Key("Broker", NAMESPACE, "default"))


def schedule(*, status: Object | None = None, **spec: Any) -> Object:
    return own(
        "PeriodicSchedule", "report", {"task": "shop.report", "interval": "30s", **spec}, status=status
    )


def inputs(**spec: Any) -> ScheduleInputs:
    return ScheduleInputs(PeriodicSchedule.parse(schedule(**spec)), ready_broker())


def test_a_schedule_that_is_well_changes_nothing() -> None:
    assert plan_schedule(inputs(), now=START) == Plan()


def test_a_missing_default_broker_is_made_first() -> None:
    assert plan_schedule(replace(inputs(), broker=None), now=START) == Plan(requests=(CREATE,))


@pytest.mark.parametrize(
    ("spec", "changes", "reason", "final"),
    [
        pytest.param(
            {"timeZone": "Mars/Base"},
            {"broker": None},
            ScheduleReason.INVALID_SCHEDULE,
            True,
            id="invalid-makes-no-broker",
        ),
        pytest.param({}, {"broker": broker()}, ScheduleReason.BROKER_NOT_READY, False, id="broker-not-ready"),
        pytest.param({}, {"without_state": RABBITMQ}, ScheduleReason.REDIS_REQUIRED, True, id="rabbitmq"),
    ],
)
def test_what_keeps_it_from_beat(
    spec: Object, changes: dict[str, Any], reason: ScheduleReason, final: bool
) -> None:
    plan = plan_schedule(replace(inputs(**spec), **changes), now=START)
    assert plan.requests == ()
    assert plan.problem is not None
    assert (plan.problem.why[0], plan.problem.final) == (reason, final)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param(conditions(Ready="True Scheduled"), False, id="reported-before"),
        pytest.param(None, True, id="new"),
    ],
)
def test_before_the_first_poll_only_a_new_schedule_is_reported(status: Object | None, says: bool) -> None:
    raw = schedule(status=status)
    unpolled = ScheduleInputs(PeriodicSchedule.parse(raw), ready_broker())
    report = schedule_report(raw, unpolled, Outcome(), recheck=60.0, now=START)
    assert (report.status is not None) is says
    assert says or report.look_again == 60.0
