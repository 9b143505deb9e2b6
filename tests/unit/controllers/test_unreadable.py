"""A failure that lasts is told in the object's status."""

import pytest

from taskfleet.api import Key
from taskfleet.controllers.unreadable import write_failure
from taskfleet.kube.errors import ApiError
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, conditions, of_type, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(
            ApiError(500, "InternalError", 'failed calling webhook "x": connection refused'),
            "the operator retries: 500 InternalError: failed calling webhook",
            id="a-webhook-that-is-down",
        ),
        pytest.param(
            ApiError(404, "NotFound", "the server could not find it"), "404 NotFound", id="not-found"
        ),
        pytest.param(ApiError(429, "TooManyRequests", "slow down"), "429 TooManyRequests", id="too-many"),
        pytest.param(KeyError("x"), "The operator failed to reconcile this object (KeyError)", id="bug"),
    ],
)
async def test_it_is_told_and_what_else_was_known_stays(error: Exception, said: str) -> None:
    scene = Scene()
    scene.add(pool(status=conditions(Ready="True Available", ScalingActive="True FollowsDemand")))
    await write_failure(MAIL, error, scene.context)
    status = scene.server.objects[MAIL]["status"]
    ready = of_type(status, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ApplyFailed")
    assert said in ready["message"]
    assert of_type(status, "ScalingActive")["status"] == "True"


async def test_of_an_object_that_is_gone_nothing_is_told() -> None:
    scene = Scene()
    await write_failure(MAIL, KeyError(), scene.context)
    assert scene.server.requests == []
