"""Whose turn it is to get the image that the operator was installed with."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers.broker import reconcile
from taskfleet.controllers.redis_image import image_of, may_take, names_image
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, broker, of_type

FIRST, SECOND, ELSEWHERE = (
    Key("StatefulSet", "a", "a"),
    Key("StatefulSet", "a", "b"),
    Key("StatefulSet", "c", "c"),
)
ALL = {FIRST, SECOND, ELSEWHERE}
BROKER = Key("Broker", NAMESPACE, "default")
REDIS = Key("StatefulSet", NAMESPACE, "default-broker")


def redis(image: str, *, up: bool = True, moving: bool = False, seen: int = 2) -> Object:
    status = {
        "observedGeneration": seen,
        "readyReplicas": int(up),
        "currentRevision": "1",
        "updateRevision": "2" if moving else "1",
    }
    containers = [{"name": "exporter", "image": "e"}, {"name": "redis", "image": image}]
    spec = {"template": {"spec": {"containers": containers}}}
    return {"metadata": {"generation": 2}, "spec": spec, "status": status}


OLD, NEW, DOWN = redis("old"), redis("new"), redis("old", up=False)
STUCK, LEAVING = redis("new", up=False, moving=True), redis("new", moving=True)


@pytest.mark.parametrize(
    ("redises", "may"),
    [
        pytest.param((OLD, OLD, OLD), {FIRST}, id="one-tries-it"),
        pytest.param((STUCK, OLD, OLD), set(), id="it-does-not-come-up"),
        pytest.param((LEAVING, OLD, OLD), set(), id="its-old-pod-is-still-up"),
        pytest.param((redis("new", seen=1), OLD, OLD), set(), id="nobody-has-looked-at-it-yet"),
        pytest.param((NEW, OLD, OLD), {SECOND, ELSEWHERE}, id="it-has-come-up"),
        pytest.param((NEW, STUCK, OLD), {ELSEWHERE}, id="another-one-holds-up-its-namespace"),
        pytest.param((OLD, STUCK, NEW), set(), id="and-all-of-it"),
        pytest.param((DOWN, OLD, OLD), {FIRST, SECOND}, id="who-is-down-is-no-trial"),
        pytest.param((redis("new", up=False), OLD, OLD), {SECOND}, id="one-that-never-was-up-says-nothing"),
    ],
)
def test_whose_turn_it_is(redises: tuple[Object, Object, Object], may: set[Key]) -> None:
    seen = dict(zip((FIRST, SECOND, ELSEWHERE), redises, strict=True))
    waiting = [key for key, one in seen.items() if image_of(one) == "old"]
    assert {key for key in waiting if may_take("new", key, seen, ALL)} == may


def test_who_has_an_image_of_its_own_is_not_waited_for() -> None:
    assert may_take("new", SECOND, {FIRST: OLD, SECOND: OLD}, {SECOND})


@pytest.mark.parametrize(
    ("spec", "own"),
    [
        ({}, False),
        ({"redis": {"image": "redis:8"}}, True),
        ({"redis": {"template": {"spec": {"containers": [{"name": "redis", "image": "redis:8"}]}}}}, True),
        (
            {
                "redis": {
                    "template": {"spec": {"containers": [{"name": "redis"}, {"name": "x", "image": "y"}]}}
                }
            },
            False,
        ),
    ],
)
def test_an_image_is_named_by_the_spec_or_its_template(spec: dict[str, Any], own: bool) -> None:
    assert names_image({"spec": spec}) == own


@pytest.mark.parametrize(
    "lost", [pytest.param(False, id="known"), pytest.param(True, id="memory-has-lost-it")]
)
async def test_a_redis_keeps_its_image_until_its_turn_and_the_broker_says_so(lost: bool) -> None:
    scene = Scene()
    scene.add(broker())
    await scene.reconcile(reconcile, BROKER)
    default = image_of(scene.server.objects[REDIS])
    _set_image(scene, "redis:6")
    stuck = {**scene.server.objects[REDIS], "metadata": {"namespace": NAMESPACE, "name": "another-broker"}}
    stuck = {**stuck, "spec": {"template": {"spec": {"containers": [{"name": "redis", "image": default}]}}}}
    other = scene.add({**stuck, "status": STUCK["status"]})
    if lost:
        scene.forget(REDIS)

    scene.seconds = 60
    wait = await scene.reconcile(reconcile, BROKER)
    assert (image_of(scene.server.objects[REDIS]), wait) == ("redis:6", 2.0)
    told = of_type(scene.live("Broker", "default")["status"], "Reconciling")
    assert told["message"].startswith("Redis keeps image 'redis:6' until another Broker is ready with")
    scene.change(other, status=NEW["status"])
    await scene.reconcile(reconcile, BROKER)
    assert image_of(scene.server.objects[REDIS]) == default


def _set_image(scene: Scene, image: str) -> None:
    spec = scene.server.objects[REDIS]["spec"]
    containers = [{**one, "image": image} for one in spec["template"]["spec"]["containers"]]
    scene.change(REDIS, spec={"template": {"spec": {"containers": containers}}}, status=NEW["status"])
