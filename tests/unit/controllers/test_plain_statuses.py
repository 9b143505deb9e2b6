"""Specs that cannot be read: a status, and nothing else."""

import pytest

from taskfleet.api import Object
from taskfleet.controllers import broker as broker_controller
from taskfleet.controllers import task_queue
from tests.unit.controllers.scene import Reconcile, Scene
from tests.unit.objects import broker, of_type, own


@pytest.mark.parametrize(
    ("obj", "reconcile"),
    [
        pytest.param(broker(visibilityTimeout="soon"), broker_controller.reconcile, id="broker"),
        pytest.param(
            own("TaskQueue", "q", {"alertAbove": {"age": "soon"}}), task_queue.reconcile, id="task-queue"
        ),
    ],
)
async def test_status_is_written_once_and_nothing_is_made(obj: Object, reconcile: Reconcile) -> None:
    scene = Scene()
    key = scene.add(obj)
    for _ in range(3):
        await scene.reconcile(reconcile, key)
        scene.seconds += 100
    status = scene.server.objects[key]["status"]
    verdict = of_type(status, "Ready")
    assert (verdict["status"], verdict["reason"]) == ("False", "InvalidSpec")
    assert of_type(status, "Stalled")["status"] == "True"
    assert of_type(status, "Reconciling")["status"] == "False"
    assert status["observedGeneration"] == 1
    assert len(scene.server.writes) == 1


async def test_deleted_object_is_no_error() -> None:
    scene = Scene()
    key = scene.add(own("TaskQueue", "q", {}))
    scene.drop(key)
    assert await scene.reconcile(task_queue.reconcile, key) is None
