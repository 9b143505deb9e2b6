from typing import Any

import pytest

from taskfleet.api import KINDS, Key, Object
from taskfleet.kube.cache import Cache
from taskfleet.watch.routing import Router, broker_name
from tests.unit.objects import NAMESPACE, broker, conditions, own, pod, pool


def named(kind: str, name: str) -> Key:
    return Key(kind, NAMESPACE, name)


class Scene:
    """A cache whose changes go to the router, as in the operator."""

    def __init__(self) -> None:
        self.concerned: list[Key] = []
        self.cache = Cache(lambda obj: self.concerned.extend(self.router.concerned(obj)))
        self.router = Router(self.cache)

    def told(self, obj: Object) -> list[Key]:
        self.concerned.clear()
        self.cache.put(obj)
        return list(self.concerned)

    def ended(self, obj: Object) -> list[Key]:
        self.concerned.clear()
        self.cache.remove(obj)
        return list(self.concerned)


def seen_broker(version: int, status: Object | None = None, *, generation: int = 1, **spec: Any) -> Object:
    return broker(status=status, meta={"version": version, "generation": generation}, **spec)


def unready(message: str) -> Object:
    status = conditions(Ready="False Unreachable")
    status["conditions"][0]["message"] = message
    return status


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(pool("mail"), [named("WorkerPool", "mail")], id="pool"),
        pytest.param(own("TaskQueue", "q", {}), [named("TaskQueue", "q")], id="queue"),
        pytest.param(
            pod(labels={"taskfleet.dev/pool": "mail"}), [named("WorkerPool", "mail")], id="pod-of-a-pool"
        ),
        pytest.param(
            pod(labels={"taskfleet.dev/broker": "default"}),
            [named("Broker", "default")],
            id="pod-of-a-broker",
        ),
        pytest.param(pod(labels={}), [], id="pod-of-nobody"),
        pytest.param(pod(labels=None), [], id="no-labels-at-all"),
    ],
)
def test_object_concerns_itself_or_its_owner(obj: Object, expected: list[Key]) -> None:
    assert Scene().told(obj) == expected


def test_new_broker_concerns_the_pools_that_wait_for_it() -> None:
    scene = Scene()
    scene.told(pool("mail"))
    scene.told(pool("news", brokerRef={"name": "default"}))
    scene.told(pool("other", brokerRef={"name": "elsewhere"}))
    assert scene.told(seen_broker(1)) == [
        named("Broker", "default"),
        named("WorkerPool", "mail"),
        named("WorkerPool", "news"),
    ]


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        pytest.param({"status": conditions(Ready="True Reachable")}, True, id="it-becomes-ready"),
        pytest.param({"status": unready("No answer.")}, True, id="its-sentence-changes"),
        pytest.param({"status": unready("Starting."), "generation": 2}, True, id="its-spec-changes"),
        pytest.param(
            {"status": {**unready("Starting."), "credentials": {"secrets": {}, "version": "url:2"}}},
            True,
            id="its-credentials-change",
        ),
        pytest.param({"status": {**unready("Starting."), "clients": 7}}, False, id="a-figure-changes"),
    ],
)
def test_broker_concerns_its_pools_when_what_they_use_changes(
    change: dict[str, Any], concerned: bool
) -> None:
    scene = Scene()
    scene.told(pool("mail"))
    scene.told(seen_broker(1, unready("Starting.")))
    assert (named("WorkerPool", "mail") in scene.told(seen_broker(2, **change))) is concerned


def test_broker_that_goes_and_comes_back_concerns_its_pools_both_times() -> None:
    scene = Scene()
    scene.told(pool("mail"))
    scene.told(seen_broker(1))
    assert named("WorkerPool", "mail") in scene.ended(seen_broker(2))
    assert named("WorkerPool", "mail") in scene.told(seen_broker(3))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, "default", id="left-out"),
        pytest.param({"brokerRef": {}}, "default", id="empty"),
        pytest.param({"brokerRef": {"name": "fast"}}, "fast", id="named"),
    ],
)
def test_broker_name(spec: Object, expected: str) -> None:
    assert broker_name({"spec": spec}) == expected


def seen_schedule(version: int, broker_name: str = "default", *, generation: int = 1) -> Object:
    spec = {"brokerRef": {"name": broker_name}}
    return own("PeriodicSchedule", "daily", spec, version=version, generation=generation)


def test_a_brokers_beat_hears_of_a_schedule_that_comes_moves_or_goes() -> None:
    scene, me = Scene(), named("PeriodicSchedule", "daily")
    assert scene.told(seen_schedule(1)) == [me, named("Broker", "default")]
    assert scene.told(seen_schedule(2, generation=2)) == [me]
    moved = scene.told(seen_schedule(3, "other", generation=3))
    assert moved == [me, named("Broker", "default"), named("Broker", "other")]
    assert scene.ended(seen_schedule(4, "other")) == [me, named("Broker", "other")]


@pytest.mark.parametrize("kind", [info.kind for info in KINDS if info.uses_broker])
def test_every_kind_that_uses_a_broker_hears_of_its_broker(kind: str) -> None:
    scene = Scene()
    scene.told(own(kind, "mine", {"brokerRef": {"name": "default"}}))
    scene.told(own(kind, "other", {"brokerRef": {"name": "other"}}))
    assert scene.told(seen_broker(2)) == [named("Broker", "default"), named(kind, "mine")]
