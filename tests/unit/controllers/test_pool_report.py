"""What is reported of a pool, from what is known of it."""

from typing import Any

import pytest

from taskfleet.api import WorkerPool
from taskfleet.api.reasons import Reason
from taskfleet.controllers.plan import Plan
from taskfleet.controllers.pool_report import Rechecks, ScalingSeen, pool_report
from taskfleet.controllers.pool_status import PoolSeen
from taskfleet.controllers.request_results import RequestResult
from taskfleet.kube.field_writers import FieldWriter
from taskfleet.scaling.size import Overwritten, SizeNews
from tests.unit.controllers.scene import START
from tests.unit.objects import conditions, pool

RIVAL = FieldWriter("hpa", "Update", "scale", "2026-01-01T00:00:00Z")


def report(
    scaling: ScalingSeen | None = None, *, ready: str = "", one_at_a_time: bool = False, **seen: Any
) -> Plan:
    raw = pool(status=conditions(Ready=ready) if ready else None)
    looked = PoolSeen(WorkerPool.parse(raw), **seen)
    return pool_report(raw, looked, scaling or ScalingSeen(), Rechecks(60.0, one_at_a_time), now=START)


def test_a_report_prints_as_what_is_written_and_when_it_looks_again() -> None:
    plan = report(missing=(Reason.BROKER_MISSING, "Create the Broker."))
    assert repr(plan) == (
        "report Ready=False BrokerMissing; "
        "record Warning BrokerMissing: Create the Broker.; "
        "look again in 60 s"
    )


def test_the_same_verdict_is_no_event() -> None:
    missing = (Reason.BROKER_MISSING, "Create the Broker.")
    assert report(ready="False BrokerMissing", missing=missing).events == ()


def test_sizes_that_were_written_are_events() -> None:
    news = SizeNews((2, 5, "Many wait."), Overwritten(RIVAL, ours=2, found=9))
    events = report(ScalingSeen(news=news), ready="False PodsNotReady").events
    assert [event.reason for event in events] == ["ReplicasOverwritten", "Scaled"]
    assert events[1].message == "Scaled from 2 to 5 pods: Many wait."


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, None, id="all-is-watched"),
        pytest.param({"scaling": ScalingSeen(next_look=7.0)}, 7.0, id="a-size-is-tried-again"),
        pytest.param({"requeue": RequestResult("token")}, 2.0, id="dead-letters-not-requeued-yet"),
        pytest.param({"requeue": RequestResult("token", 3)}, None, id="requeued"),
        pytest.param({"kept_template": True}, None, id="outdated"),
        pytest.param({"kept_template": True, "one_at_a_time": True}, 2.0, id="waits-for-its-turn"),
        pytest.param({"stalled": (Reason.NAME_CONFLICT, "Taken.")}, 60.0, id="another-owners-child"),
        pytest.param({"stalled": (Reason.INVALID_SPEC, "Wrong.")}, None, id="only-another-spec-helps"),
    ],
)
def test_it_looks_again_at_what_no_watch_reports(given: dict[str, Any], expected: float | None) -> None:
    assert report(**given).look_again == expected
