"""When a status is written, and what then; on an API server in memory and in virtual time."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.kube.cache import Cache
from taskfleet.kube.status import StatusWriter, changes
from taskfleet.watch.processor import Processor
from taskfleet.watch.work_queue import WorkQueue
from tests.tools.api_server import ApiServer
from tests.tools.virtual_time import run, virtual_loop
from tests.unit.objects import NAMESPACE, of_type, pool

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MAIL = Key("WorkerPool", NAMESPACE, "mail")


def status(
    *, ready: bool = True, reason: str = "Available", message: str = "", generation: int = 1, **fields: Any
) -> Object:
    condition = {
        "type": "Ready",
        "status": str(ready),
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }
    return {"observedGeneration": generation, "replicas": 0, **fields, "conditions": [condition]}


class Scene:
    """One pool, its cache and a writer on the virtual clock."""

    def __init__(self) -> None:
        self.server = ApiServer()
        self.cache = Cache()
        self.writer = StatusWriter(self.server.gateway(), self.cache, monotonic=virtual_loop().time)
        self.cache.put(self.server.put(pool()))

    @property
    def live(self) -> Object:
        live: Object = self.server.objects[MAIL]["status"]
        return live

    async def write(self, wanted: Mapping[str, Any], *, now: datetime | None = None) -> float | None:
        raw = self.cache.get(*MAIL)
        assert raw is not None
        at = now or NOW + timedelta(seconds=virtual_loop().time())
        return await self.writer.write(raw, wanted, now=at)


def test_first_status_is_written_as_wanted() -> None:
    async def story() -> None:
        scene = Scene()
        assert await scene.write(status(waiting=3)) is None
        assert scene.live["waiting"] == 3
        assert of_type(scene.live, "Ready")["lastTransitionTime"] == "2026-01-01T12:00:00Z"
        assert scene.server.writes == ["patch workerpools/status shop/mail by taskfleet"]

    run(story())


def test_same_status_is_written_once_even_much_later() -> None:
    async def story() -> None:
        scene = Scene()
        for _ in range(3):
            await scene.write(status(waiting=3, drainingReplicas=None))
            await asyncio.sleep(60)
        assert len(scene.server.writes) == 1

    run(story())


def test_only_what_changed_is_sent() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.write(status(desiredReplicas=1))
        await scene.write(status(desiredReplicas=2))
        assert scene.server.requests[-1].body == {"status": {"desiredReplicas": 2}}

    run(story())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"ready": False}, id="a-verdict"),
        pytest.param({"reason": "ScaledToZero"}, id="a-reason"),
        pytest.param({"generation": 2}, id="a-generation"),
        pytest.param({"desiredReplicas": 5}, id="a-decision"),
        pytest.param({"selector": "a=b"}, id="a-field-that-does-not-follow-the-load"),
    ],
)
def test_what_matters_is_written_at_once(change: dict[str, Any]) -> None:
    async def story() -> None:
        scene = Scene()
        await scene.write(status())
        assert await scene.write(status(**change)) is None
        assert len(scene.server.writes) == 2

    run(story())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"waiting": 7}, id="a-counter"),
        pytest.param({"message": "7 wait"}, id="a-number-in-a-sentence"),
    ],
)
def test_what_follows_the_load_is_written_every_ten_seconds(change: dict[str, Any]) -> None:
    async def story() -> None:
        scene = Scene()
        await scene.write(status())
        await asyncio.sleep(4)
        wait = await scene.write(status(**change))
        assert wait == pytest.approx(6)
        assert len(scene.server.writes) == 1
        await asyncio.sleep(wait or 0)
        assert await scene.write(status(**change)) is None
        assert len(scene.server.writes) == 2

    run(story())


def test_counter_goes_along_with_what_matters() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.write(status())
        await scene.write(status(ready=False, waiting=7))
        assert scene.live["waiting"] == 7

    run(story())


def test_counter_that_a_former_leader_left_behind_is_written_if_it_is_still_wrong_after_ten_seconds() -> None:
    async def story() -> None:
        scene = Scene()
        left = status(waiting=3)
        left["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        scene.cache.put(scene.server.put(pool(status=left)))
        await scene.write(status(waiting=3))
        assert await scene.write(status(waiting=7)) == pytest.approx(10)
        assert scene.server.writes == []
        await asyncio.sleep(10)
        assert await scene.write(status(waiting=7)) is None
        assert scene.live["waiting"] == 7

    run(story())


def test_transition_time_is_that_of_the_last_change_of_the_verdict() -> None:
    async def story() -> None:
        scene = Scene()
        times = []
        for seconds, wanted in (
            (0, status(ready=False, reason="PodsNotReady")),
            (20, status(ready=False, reason="AppFailed", message="other")),
            (40, status(ready=True)),
        ):
            await scene.write(wanted, now=NOW + timedelta(seconds=seconds))
            times.append(of_type(scene.live, "Ready")["lastTransitionTime"])
        assert times == ["2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", "2026-01-01T12:00:40Z"]

    run(story())


def test_condition_that_somebody_stored_without_a_time_gets_one() -> None:
    async def story() -> None:
        scene = Scene()
        scene.cache.put(scene.server.put(pool(status=status(ready=False))))
        await asyncio.sleep(await scene.write(status(ready=False)) or 0)
        await scene.write(status(ready=False), now=NOW)
        assert of_type(scene.live, "Ready")["lastTransitionTime"] == "2026-01-01T12:00:00Z"

    run(story())


def test_field_of_none_is_removed_and_stays_so_without_a_write() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.write(status(version="7.2", binding={"name": "a"}))
        await scene.write(status(version=None, binding=None))
        assert "version" not in scene.live
        await scene.write(status(version=None, binding=None))
        assert len(scene.server.writes) == 2

    run(story())


def test_foreign_change_of_a_status_is_put_back() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.write(status(desiredReplicas=2))
        foreign = {**scene.server.objects[MAIL], "status": {**scene.live, "desiredReplicas": 9}}
        scene.cache.put(scene.server.put(foreign))
        await scene.write(status(desiredReplicas=2))
        assert scene.live["desiredReplicas"] == 2

    run(story())


def test_hundreds_of_new_pools_are_written_at_fifty_a_second_and_looked_at_twice_at_most() -> None:
    async def story() -> None:
        scene = Scene()
        keys = [Key("WorkerPool", NAMESPACE, f"pool-{number}") for number in range(300)]
        for key in keys:
            scene.cache.put(scene.server.put(pool(key.name)))
        looks = 0

        async def reconcile(key: Key) -> float | None:
            nonlocal looks
            looks += 1
            raw = scene.cache.get(*key)
            assert raw is not None
            return await scene.writer.write(raw, status(), now=NOW)

        task = asyncio.create_task(Processor(WorkQueue(), {"WorkerPool": reconcile}).lead(keys))
        await asyncio.sleep(2)
        assert len(scene.server.writes) == pytest.approx(50 + 2 * 50, abs=3)
        await asyncio.sleep(4)
        assert len(scene.server.writes) == 300
        assert looks <= 2 * 300
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(story())


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        pytest.param({}, {"a": 1}, {"a": 1}, id="new"),
        pytest.param({"a": 1}, {"a": 1}, {}, id="same"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, {}, id="not-ours"),
        pytest.param({}, {"a": None}, {}, id="absent-already"),
        pytest.param({"a": 1}, {"a": None}, {"a": None}, id="removed"),
        pytest.param(
            {"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, {"a": {"x": 1, "y": None}}, id="a-map-loses-a-field"
        ),
        pytest.param({"a": [1, 2]}, {"a": [1]}, {"a": [1]}, id="a-list-is-replaced"),
    ],
)
def test_changes(live: Object, wanted: Object, expected: Object) -> None:
    assert changes(live, wanted) == expected


class OldCrd(ApiServer):
    """Knows no `lastRequeue`, as a CRD of an older version."""

    def _store(self, key: Key, obj: Object) -> Object:
        known = {name: value for name, value in (obj.get("status") or {}).items() if name != "lastRequeue"}
        return super()._store(key, {**obj, "status": known})


def test_a_field_that_the_api_server_does_not_store_is_not_written_again_and_again() -> None:
    async def scenario() -> None:
        scene = Scene()
        scene.server = OldCrd()
        scene.writer = StatusWriter(scene.server.gateway(), scene.cache, monotonic=virtual_loop().time)
        scene.cache.put(scene.server.put(pool()))
        for at in range(5):
            await scene.write(status(lastRequeue={"time": f"at {at}"}))
            await asyncio.sleep(60)
        assert len(scene.server.writes) == 1
        await scene.write(status(lastRequeue={"time": "at 9"}, ready=False))
        await scene.write(status(lastRequeue={"time": "at 10"}, ready=False))
        assert len(scene.server.writes) == 2

    run(scenario())
