"""PeriodicSchedules in the hands of the operator: the verdict about each, its figures, and the beat of their broker."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import REQUESTED_BY, TRIGGER
from taskfleet.brokers.schedules.state import Heartbeat, RunState
from taskfleet.brokers.schedules.sync import Seen
from taskfleet.controllers import broker as broker_controller
from taskfleet.controllers import periodic_schedule
from tests.unit.controllers.scene import START, Scene, ready_broker
from tests.unit.objects import NAMESPACE, broker, conditions, of_type, own

BROKER = Key("Broker", NAMESPACE, "default")
DEPLOYMENT = Key("Deployment", NAMESPACE, "default-schedules")
BEATS = Heartbeat(ready=True)
STATE = RunState(
    last_run=START - timedelta(seconds=20),
    next=START + timedelta(seconds=10),
    runs=7,
    missed=1,
    last_task_id="an-id",
)


def schedule(name: str = "report", *, status: Object | None = None, **spec: Any) -> Object:
    kind = {} if "schedule" in spec else {"interval": "30s"}
    return own("PeriodicSchedule", name, {"task": "shop.report", **kind, **spec}, status=status)


def scene(*, state: RunState | None = STATE, heartbeat: Heartbeat | None = BEATS) -> Scene:
    one = Scene()
    one.add(ready_broker())
    uid = one.server.objects[one.add(schedule())]["metadata"]["uid"]
    one.schedules.told[BROKER] = Seen(heartbeat, {uid: state} if state is not None else {})
    return one


async def look(one: Scene, obj: Object) -> Object:
    key = one.add(obj)
    await one.settle(periodic_schedule.reconcile, key)
    status: Object = one.server.objects[key]["status"]
    return status


async def test_the_figures_are_those_of_beat() -> None:
    status = await look(scene(state=replace(STATE, trigger="t", trigger_task_id="another")), schedule())
    assert of_type(status, "Ready")["reason"] == "Scheduled"
    del status["conditions"]
    assert status == {
        "observedGeneration": 1,
        "lastScheduleTime": "2026-01-01T11:59:40Z",
        "nextScheduleTime": "2026-01-01T12:00:10Z",
        "totalRunCount": 7,
        "missedRunCount": 1,
        "lastTaskId": "an-id",
        "lastTrigger": {"token": "t", "taskId": "another"},
    }


async def test_a_run_that_was_requested_is_an_event_once_and_says_who_asked() -> None:
    one = scene(state=replace(STATE, trigger="t", trigger_task_id="another"))
    obj = schedule()
    obj["metadata"]["annotations"] = {TRIGGER: "t", REQUESTED_BY: "ann"}
    status = await look(one, obj)
    assert status["lastTrigger"] == {"token": "t", "taskId": "another", "requestedBy": "ann"}
    assert one.events().count(("Normal", "Triggered")) == 1
    key = Key("PeriodicSchedule", NAMESPACE, "report")
    one.change(key, metadata={"annotations": {TRIGGER: "next", REQUESTED_BY: "bob"}})
    await one.settle(periodic_schedule.reconcile, key)
    assert one.server.objects[key]["status"]["lastTrigger"]["requestedBy"] == "ann", (
        "the next run is not sent yet"
    )
    assert one.events().count(("Normal", "Triggered")) == 1


@pytest.mark.parametrize(
    ("changes", "spec", "verdict"),
    [
        pytest.param({}, {}, ("True", "Scheduled"), id="all-is-well"),
        pytest.param({"state": replace(STATE, next=None)}, {}, ("True", "Completed"), id="no-run-left"),
        pytest.param(
            {"state": replace(STATE, next=None)}, {"suspend": True}, ("True", "Suspended"), id="suspended"
        ),
        pytest.param(
            {"state": replace(STATE, next=START - timedelta(seconds=30))}, {}, ("True", "Scheduled"), id="due"
        ),
        pytest.param(
            {"state": replace(STATE, next=START - timedelta(seconds=61))}, {}, ("False", "Late"), id="late"
        ),
        pytest.param(
            {"state": replace(STATE, error="The list is no list.")},
            {},
            ("False", "SendingFailed"),
            id="error",
        ),
        pytest.param({"state": None}, {}, ("False", "Pending"), id="beat-has-not-seen-it"),
        pytest.param({"heartbeat": None}, {}, ("False", "BeatNotReady"), id="beat-is-silent"),
        pytest.param({"heartbeat": Heartbeat(False)}, {}, ("False", "BeatNotReady"), id="beat-is-not-ready"),
        pytest.param({}, {"schedule": "61 * * * *"}, ("False", "InvalidSchedule"), id="bad-cron"),
        pytest.param({}, {"timeZone": "Mars/Base"}, ("False", "InvalidSchedule"), id="bad-zone"),
        pytest.param({}, {"interval": "soon"}, ("False", "InvalidSpec"), id="unreadable"),
    ],
)
async def test_the_verdict(changes: dict[str, Any], spec: Object, verdict: tuple[str, str]) -> None:
    status = await look(scene(**changes), schedule(**spec))
    ready = of_type(status, "Ready")
    assert (ready["status"], ready["reason"]) == verdict
    assert (of_type(status, "Stalled")["status"] == "True") == verdict[1].startswith("Invalid")


async def test_a_broker_that_is_not_ready_is_quoted() -> None:
    one = Scene()
    one.add(broker(status=conditions(Ready="False Unreachable")))
    ready = of_type(await look(one, schedule()), "Ready")
    assert ready["reason"] == "BrokerNotReady"
    assert "Ready is False." in ready["message"]


async def test_the_default_broker_appears_for_a_schedule_too() -> None:
    one = Scene()
    key = one.add(schedule())
    await one.reconcile(periodic_schedule.reconcile, key)
    assert one.has("Broker", "default")


async def test_a_restarted_operator_says_nothing_before_it_knows() -> None:
    one = scene()
    await look(one, schedule())
    del one.schedules.told[BROKER]
    written = len(one.server.writes)
    key = Key("PeriodicSchedule", NAMESPACE, "report")
    assert await one.reconcile(periodic_schedule.reconcile, key) is not None
    assert len(one.server.writes) == written


async def test_it_comes_back_when_the_next_run_would_be_late() -> None:
    one = scene()
    key = one.add(schedule())
    await one.reconcile(periodic_schedule.reconcile, key)
    assert await one.reconcile(periodic_schedule.reconcile, key) == 71.0


async def test_it_looks_again_at_what_keeps_beat_from_starting() -> None:
    one = scene(state=None, heartbeat=None)
    status = await look(one, schedule())
    assert "does not exist yet" in of_type(status, "Ready")["message"]
    key = Key("PeriodicSchedule", NAMESPACE, "report")
    assert await one.reconcile(periodic_schedule.reconcile, key) == one.context.settings.recheck_interval
    metadata = {"name": DEPLOYMENT.name, "namespace": NAMESPACE}
    one.add({"kind": "Deployment", "metadata": metadata, "spec": {}})
    one.seconds += 60
    await one.settle(periodic_schedule.reconcile, key)
    assert "does not exist yet" not in of_type(one.server.objects[key]["status"], "Ready")["message"]


async def test_trouble_becomes_an_event_once() -> None:
    one = scene(state=replace(STATE, next=START - timedelta(minutes=5)))
    await look(one, schedule())
    assert one.events() == [("Warning", "Late")]


async def test_beat_comes_with_the_first_schedule_and_goes_with_the_last() -> None:
    one = Scene()
    key = one.add(broker(external={"urlSecretRef": {"name": "none", "key": "url"}}))
    await one.settle(broker_controller.reconcile, key)
    assert DEPLOYMENT not in one.server.objects
    assert one.schedules.woken == []
    first, second = (one.add(schedule(name)) for name in ("first", "second"))
    await one.settle(broker_controller.reconcile, key)
    (owner,) = one.live("Deployment", "default-schedules")["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Broker", "default")
    one.drop(first)
    await one.settle(broker_controller.reconcile, key)
    assert DEPLOYMENT in one.server.objects
    one.drop(second)
    one.schedules.woken.clear()
    await one.settle(broker_controller.reconcile, key)
    assert DEPLOYMENT not in one.server.objects
    assert BROKER in one.schedules.woken, "what it has left in Redis is taken away"


async def test_a_schedule_of_another_broker_makes_no_beat_here() -> None:
    one = Scene()
    key = one.add(broker(external={"urlSecretRef": {"name": "none", "key": "url"}}))
    one.add(schedule(brokerRef={"name": "other"}))
    await one.settle(broker_controller.reconcile, key)
    assert DEPLOYMENT not in one.server.objects


async def test_a_foreign_deployment_of_beats_name_is_left_alone_and_told_of() -> None:
    one = Scene()
    key = one.add(broker(external={"urlSecretRef": {"name": "none", "key": "url"}}))
    one.add(schedule())
    foreign = {
        "kind": "Deployment",
        "metadata": {"name": "default-schedules", "namespace": NAMESPACE},
        "spec": {},
    }
    one.server.put(foreign)
    await one.settle(broker_controller.reconcile, key)
    assert "ownerReferences" not in one.live("Deployment", "default-schedules")["metadata"]
    assert ("Warning", "BeatCreationFailed") in one.events()


async def test_a_template_of_beat_that_cannot_be_built_stalls_the_broker_and_changes_no_other_verdict() -> (
    None
):
    one = Scene()
    wrong: Object = {"metadata": {"annotations": ["a"]}}
    external = {"urlSecretRef": {"name": "none", "key": "url"}}
    key = one.add(broker(external=external, schedules={"template": wrong}))
    await one.settle(broker_controller.reconcile, key)
    stalled = of_type(one.live("Broker", "default")["status"], "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
    assert stalled["message"].startswith("spec.schedules.template.metadata.annotations is ['a']")
    assert of_type(one.live("Broker", "default")["status"], "Ready")["reason"] == "SecretMissing"
    one.add(schedule())
    await one.settle(broker_controller.reconcile, key)
    assert DEPLOYMENT not in one.server.objects
    assert ("Warning", "BeatCreationFailed") in one.events()
