"""The app's own beat beside a pool: made, given a volume, stopped, and never two of one app unnoticed."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers import worker_pool
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, of_type, pod, pool

DATABASE = {"scheduler": "django_celery_beat.schedulers:DatabaseScheduler"}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def scene() -> Scene:
    one = Scene()
    one.add(ready_broker())
    return one


def beat_pod(status: Object) -> Object:
    labels = {"taskfleet.dev/pool": "mail", "taskfleet.dev/component": "appbeat"}
    return pod("mail-appbeat-1", status=status, labels=labels)


async def status_of(one: Scene, obj: Object) -> Object:
    key = one.add(obj)
    await one.settle(worker_pool.reconcile, key)
    status: Object = one.server.objects[key]["status"]
    return status


async def test_beat_is_one_pod_that_never_overlaps_another() -> None:
    one = scene()
    await status_of(one, pool(beat=DATABASE))
    spec = one.live("Deployment", "mail-appbeat")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert not one.has("PersistentVolumeClaim", "mail-appbeat")


@pytest.mark.parametrize(
    "retained", [pytest.param(True, id="kept"), pytest.param(False, id="goes-with-the-pool")]
)
async def test_the_file_of_the_persistent_scheduler_has_a_volume(retained: bool) -> None:
    one = scene()
    await status_of(one, pool(beat={"storage": {"retainOnDelete": retained}}))
    claim = one.live("PersistentVolumeClaim", "mail-appbeat")
    assert ("ownerReferences" in claim["metadata"]) is not retained
    assert ("taskfleet.dev/retained-from" in claim["metadata"].get("annotations", {})) is retained


async def test_a_new_pool_of_the_name_takes_up_the_retained_volume() -> None:
    one = scene()
    await status_of(one, pool(beat={}))
    one.drop(Key("WorkerPool", NAMESPACE, "mail"))
    one.drop(Key("Deployment", NAMESPACE, "mail-appbeat"))
    one.drop(Key("Deployment", NAMESPACE, "mail-worker"))
    status = await status_of(one, pool(beat={}, meta={"uid": "another"}))
    assert of_type(status, "Stalled")["status"] == "False"
    assert one.has("Deployment", "mail-appbeat")


async def test_somebody_elses_claim_of_that_name_is_a_conflict() -> None:
    one = scene()
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "mail-appbeat", "namespace": NAMESPACE}}
    one.server.put({**claim, "spec": {}})
    status = await status_of(one, pool(beat={}))
    assert of_type(status, "Stalled")["reason"] == "NameConflict"


async def test_without_beat_in_the_spec_it_goes_and_its_volume_stays() -> None:
    one = scene()
    await status_of(one, pool(beat={}))
    one.change(Key("WorkerPool", NAMESPACE, "mail"), spec={"beat": None})
    key = Key("WorkerPool", NAMESPACE, "mail")
    await one.settle(worker_pool.reconcile, key)
    assert not one.has("Deployment", "mail-appbeat")
    assert one.has("PersistentVolumeClaim", "mail-appbeat")
    assert [each["type"] for each in one.server.objects[key]["status"]["conditions"]].count("BeatReady") == 0


async def test_a_suspended_pool_has_no_beat() -> None:
    one = scene()
    status = await status_of(one, pool(beat=DATABASE, suspend=True))
    assert one.live("Deployment", "mail-appbeat")["spec"]["replicas"] == 0
    assert of_type(status, "BeatReady")["reason"] == "Suspended"
    assert of_type(status, "Ready")["status"] == "True"


@pytest.mark.parametrize(
    ("pod_status", "verdict", "words"),
    [
        pytest.param(READY, ("True", "BeatRunning"), "sends", id="ready"),
        pytest.param({}, ("False", "BeatNotReady"), "It is starting.", id="starting"),
        pytest.param(
            {
                "containerStatuses": [
                    {"name": "worker", "image": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}
                ]
            },
            ("False", "BeatNotReady"),
            "cannot pull image",
            id="no-image",
        ),
    ],
)
async def test_a_pool_is_ready_when_its_beat_is(
    pod_status: Object, verdict: tuple[str, str], words: str
) -> None:
    one = scene()
    one.add(beat_pod(pod_status))
    status = await status_of(one, pool(beat=DATABASE, replicas=0))
    seen = of_type(status, "BeatReady")
    assert (seen["status"], seen["reason"]) == verdict
    assert words in seen["message"]
    assert of_type(status, "Ready")["status"] == verdict[0]


@pytest.mark.parametrize(
    ("other", "warned"),
    [
        pytest.param({"beat": {}}, True, id="same-app-and-broker"),
        pytest.param({"beat": {}, "app": "other"}, False, id="another-app"),
        pytest.param({"beat": {}, "brokerRef": {"name": "second"}}, False, id="another-broker"),
        pytest.param({}, False, id="no-beat"),
        pytest.param({"beat": {}, "suspend": True}, False, id="suspended"),
    ],
)
async def test_a_second_beat_of_an_app_is_told_of(other: dict[str, Any], warned: bool) -> None:
    one = scene()
    one.add(pool("other", **other))
    status = await status_of(one, pool(beat=DATABASE))
    seen = of_type(status, "BeatReady")
    assert (seen["reason"] == "DuplicateBeat") is warned
    assert ("'other'" in seen["message"]) is warned
