"""Kinds whose feature is not built, and specs that cannot be read: a status, and nothing else."""

import pytest

from taskfleet.api import Object
from taskfleet.controllers import broker as broker_controller
from taskfleet.controllers import not_built
from tests.unit.controllers.scene import Reconcile, Scene
from tests.unit.objects import broker, of_type, own


@pytest.mark.parametrize(
    ("obj", "reconcile", "reason", "stalled"),
    [
        pytest.param(
            own("TaskQueue", "q", {}), not_built.reconcile, "NotImplemented", "False", id="task-queue"
        ),
        pytest.param(
            own("PeriodicSchedule", "p", {}),
            not_built.reconcile,
            "NotImplemented",
            "False",
            id="periodic-schedule",
        ),
        pytest.param(
            broker(visibilityTimeout="soon"),
            broker_controller.reconcile,
            "InvalidSpec",
            "True",
            id="unreadable",
        ),
    ],
)
async def test_status_is_written_once_and_nothing_is_made(
    obj: Object, reconcile: Reconcile, reason: str, stalled: str
) -> None:
    scene = Scene()
    key = scene.add(obj)
    for _ in range(3):
        await scene.reconcile(reconcile, key)
        scene.seconds += 100
    status = scene.server.objects[key]["status"]
    verdict = of_type(status, "Ready")
    assert (verdict["status"], verdict["reason"]) == ("False", reason)
    assert of_type(status, "Stalled")["status"] == stalled
    assert of_type(status, "Reconciling")["status"] == "False"
    assert status["observedGeneration"] == 1
    assert len(scene.server.writes) == 1


async def test_deleted_object_is_no_error() -> None:
    scene = Scene()
    key = scene.add(own("TaskQueue", "q", {}))
    scene.drop(key)
    assert await scene.reconcile(not_built.reconcile, key) is None
