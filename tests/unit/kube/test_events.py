"""Which events are written, on an API server in memory."""

from datetime import UTC, datetime, timedelta

import pytest

from taskfleet.api import Key, Object
from taskfleet.kube.errors import LeaseLostError
from taskfleet.kube.event import Event, Severity
from taskfleet.kube.events import EventRecorder
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, pool

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCALED = Event("Scaled", "From 1 to 2 pods.")


class Scene:
    def __init__(self) -> None:
        self.server = ApiServer()
        self.recorder = EventRecorder(self.server.gateway(), source="taskfleet-operator")

    async def record(
        self, event: Event, *, after: timedelta = timedelta(), about: Object | None = None
    ) -> None:
        await self.recorder.record(about or pool(), event, now=NOW + after)

    @property
    def events(self) -> list[Object]:
        return [obj for key, obj in self.server.objects.items() if key.kind == "Event"]


async def test_event_is_shown_with_its_object() -> None:
    scene = Scene()
    await scene.record(Event("AppFailed", "It ended.", Severity.WARNING))
    (event,) = scene.events
    assert event["involvedObject"] == {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "WorkerPool",
        "name": "mail",
        "namespace": NAMESPACE,
        "uid": "uid-of-mail",
        "resourceVersion": "1",
    }
    assert (event["reason"], event["message"], event["type"]) == ("AppFailed", "It ended.", "Warning")
    assert (event["count"], event["firstTimestamp"]) == (1, "2026-01-01T12:00:00Z")


async def test_repetition_is_counted_on_the_first_ones_object() -> None:
    scene = Scene()
    for minutes in (0, 5, 14):
        await scene.record(SCALED, after=timedelta(minutes=minutes))
    (event,) = scene.events
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T12:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T12:14:00Z"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(SCALED, id="much-later"),
        pytest.param(Event("Scaled", "From 2 to 3 pods."), id="another-sentence"),
        pytest.param(Event("ScaledToZero", "From 1 to 2 pods."), id="another-reason"),
        pytest.param(Event("Scaled", "From 1 to 2 pods.", Severity.WARNING), id="another-severity"),
    ],
)
async def test_what_is_no_repetition_gets_an_object_of_its_own(other: Event) -> None:
    scene = Scene()
    await scene.record(SCALED)
    await scene.record(other, after=timedelta(minutes=11))
    assert [event["count"] for event in scene.events] == [1, 1]


async def test_same_event_of_two_objects_is_two_events() -> None:
    scene = Scene()
    await scene.record(SCALED, about=pool("mail"))
    await scene.record(SCALED, about=pool("news"))
    assert sorted(event["involvedObject"]["name"] for event in scene.events) == ["mail", "news"]


async def test_object_that_floods_is_cut_off_and_no_other() -> None:
    scene = Scene()
    for number in range(100):
        await scene.record(Event("Scaled", f"To {number} pods."))
    assert len(scene.events) == 25
    await scene.record(SCALED, about=pool("news"))
    assert len(scene.events) == 26


async def test_cut_off_object_gets_one_more_event_after_each_five_minutes() -> None:
    scene = Scene()
    for number in range(100):
        await scene.record(Event("Scaled", f"To {number} pods."))
    for number in range(5):
        await scene.record(Event("Scaled", f"Back to {number} pods."), after=timedelta(minutes=5))
    assert len(scene.events) == 26


async def test_refused_event_is_dropped_and_the_next_is_written() -> None:
    scene = Scene()
    scene.server.refuse("create", "events")
    await scene.record(SCALED)
    assert scene.events == []
    scene.server.accept()
    await scene.record(SCALED)
    assert len(scene.events) == 1


async def test_event_whose_object_has_expired_is_told_anew_the_next_time() -> None:
    scene = Scene()
    await scene.record(SCALED)
    (event,) = scene.events
    scene.server.drop(Key("Event", NAMESPACE, event["metadata"]["name"]))
    for minutes in (1, 2):
        await scene.record(SCALED, after=timedelta(minutes=minutes))
    assert [event["count"] for event in scene.events] == [1]


async def test_who_does_not_lead_records_nothing() -> None:
    server = ApiServer()
    recorder = EventRecorder(server.gateway(may_write=lambda: False), source="taskfleet-operator")
    with pytest.raises(LeaseLostError):
        await recorder.record(pool(), SCALED, now=NOW)


async def test_long_sentence_is_cut_to_what_the_api_server_takes() -> None:
    scene = Scene()
    await scene.record(Event("AppFailed", "x" * 5000))
    assert len(scene.events[0]["message"]) <= 1024
