"""When the Broker `default` appears by itself, and when it is left to the user."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.reasons import Reason
from taskfleet.controllers.auto_broker import create_broker
from taskfleet.controllers.missing_broker import plan_without_broker
from taskfleet.controllers.plan import CreateBroker, Plan
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, broker, metadata

BROKER = Key("Broker", NAMESPACE, "default")
LABELS = {"taskfleet.dev/broker": "default"}


def leftover(kind: str, name: str, **meta: Any) -> Object:
    return {"kind": kind, "metadata": {**metadata(name), "labels": LABELS, **meta}}


async def ask(scene: Scene) -> tuple[str, str]:
    return await create_broker(BROKER, scene.context)


async def test_default_broker_is_made_empty_and_marked() -> None:
    scene = Scene()
    reason, _ = await ask(scene)
    assert reason == Reason.PROGRESSING
    made = scene.server.objects[BROKER]
    assert (made["spec"], made["metadata"]["annotations"]) == ({}, {"taskfleet.dev/auto-created": "true"})


@pytest.mark.parametrize(
    ("name", "auto_create", "said"),
    [
        pytest.param("fast", True, "spec.brokerRef.name is 'fast'", id="another-name"),
        pytest.param("default", False, "does not create it automatically", id="switched-off"),
    ],
)
def test_other_brokers_are_the_users_to_make(name: str, auto_create: bool, said: str) -> None:
    plan = plan_without_broker(Key("Broker", NAMESPACE, name), auto_create=auto_create)
    assert plan.requests == ()
    assert plan.problem is not None
    reason, message = plan.problem.why
    assert reason == Reason.BROKER_MISSING
    assert said in message
    assert "Create the Broker" in message


def test_the_default_broker_is_asked_for() -> None:
    assert plan_without_broker(BROKER, auto_create=True) == Plan(requests=(CreateBroker(BROKER),))


@pytest.mark.parametrize(
    ("left", "missing"),
    [
        pytest.param(leftover("Secret", "default-broker-auth"), True, id="password"),
        pytest.param(leftover("PersistentVolumeClaim", "data-default-broker-0"), True, id="volume"),
        pytest.param(
            leftover("Secret", "default-broker-auth", ownerReferences=[{"uid": "old"}]),
            False,
            id="owned-and-going",
        ),
        pytest.param(leftover("Secret", "default-broker-auth", labels={}), False, id="somebody-elses"),
    ],
)
async def test_nothing_is_made_over_what_a_deleted_broker_left_for_good(left: Object, missing: bool) -> None:
    scene = Scene()
    scene.server.put(left)
    reason, message = await ask(scene)
    assert (reason == Reason.BROKER_MISSING) is missing
    assert (BROKER not in scene.server.objects) is missing
    assert (left["metadata"]["name"] in message) is missing


async def test_broker_that_the_user_has_just_made_stays_without_our_mark() -> None:
    scene = Scene()
    scene.server.put(broker(maxMemory="1Gi"))
    reason, _ = await ask(scene)
    assert reason == Reason.PROGRESSING
    assert "annotations" not in scene.server.objects[BROKER]["metadata"]
