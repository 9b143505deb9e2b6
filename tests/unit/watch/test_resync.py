"""What a resync finds that the watches did not tell, on an API server in memory and in virtual time."""

import asyncio
from collections.abc import Callable

import pytest

from taskfleet.api import Key, Object
from taskfleet.kube.cache import Cache
from taskfleet.watch.resync import Resync, WatchHealth
from tests.envtest.api_calls import ApiCall
from tests.tools.api_server import ApiServer
from tests.tools.virtual_time import run, virtual_loop
from tests.unit.objects import NAMESPACE, pod, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LABELS = {"taskfleet.dev/managed": "true", "taskfleet.dev/pool": "mail"}


class Scene:
    """A cluster, a cache that a watch fills when the test says so, and the resync between them."""

    def __init__(self, *namespaces: str) -> None:
        self.server = ApiServer()
        self.changes: list[str] = []
        self.cache = Cache(lambda obj: self.changes.append(obj["metadata"]["name"]))
        self.health = WatchHealth()
        self.resync = Resync(
            self.server.gateway(), self.cache, self.health, namespaces=namespaces, clock=virtual_loop().time
        )

    def watched(self, obj: Object) -> Object:
        """An object that is stored and whose watch has told of it."""
        stored = self.server.put(obj)
        self.hear(stored)
        self.changes.clear()
        return stored

    def hear(self, obj: Object) -> None:
        self.health.heard(obj["kind"])
        self.cache.put(obj)

    def dead(self, *, after: float) -> list[str]:
        return self.health.dead(now=virtual_loop().time() + after)


def change(server: ApiServer, key: Key) -> Object:
    return server.put({**server.objects[key], "spec": {"app": "other"}})


def test_nothing_is_read_or_told_when_nothing_was_missed() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        await scene.resync.once()
        assert scene.changes == []
        assert {request.call.verb for request in scene.server.requests} == {"list"}

    run(story())


def test_missed_change_is_found_and_a_watch_that_stays_silent_is_dead() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        change(scene.server, MAIL)
        await scene.resync.once()
        assert scene.changes == ["mail"]
        known = scene.cache.get(*MAIL)
        assert known is not None
        assert known["spec"] == {"app": "other"}
        assert scene.dead(after=29) == []
        assert scene.dead(after=31) == ["WorkerPool"]
        scene.health.heard("WorkerPool")
        assert scene.dead(after=31) == []

    run(story())


def test_missed_deletion_is_found_and_proves_no_watch_dead() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        scene.server.drop(MAIL)
        await scene.resync.once()
        assert scene.changes == ["mail"]
        assert scene.cache.get(*MAIL) is None
        assert scene.dead(after=31) == []

    run(story())


def test_missed_new_object_is_found() -> None:
    async def story() -> None:
        scene = Scene()
        scene.server.put(pool())
        await scene.resync.once()
        assert scene.changes == ["mail"]

    run(story())


def test_children_without_our_label_are_not_looked_for() -> None:
    async def story() -> None:
        scene = Scene()
        scene.server.put(pod("ours", labels=LABELS))
        scene.server.put(pod("foreign", labels={"taskfleet.dev/pool": "mail"}))
        await scene.resync.once()
        assert scene.changes == ["ours"]

    run(story())


@pytest.mark.parametrize("namespaces", [pytest.param(["shop"], id="its-own"), pytest.param([], id="all")])
def test_only_watched_namespaces_are_read(namespaces: list[str]) -> None:
    async def story() -> None:
        scene = Scene(*namespaces)
        scene.server.put(pool("mail"))
        scene.server.put({**pool("far"), "metadata": {"name": "far", "namespace": "elsewhere"}})
        await scene.resync.once()
        assert sorted(scene.changes) == (["mail"] if namespaces else ["far", "mail"])

    run(story())


def test_more_objects_than_fit_on_a_page_are_all_found() -> None:
    async def story() -> None:
        scene = Scene()
        for number in range(501):
            scene.watched(pod(f"pod-{number}", labels=LABELS))
        scene.server.put(pod("late", labels=LABELS))
        await scene.resync.once()
        assert scene.changes == ["late"]

    run(story())


def test_change_that_is_still_on_its_way_through_the_watch_is_not_missed() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        changed = change(scene.server, MAIL)
        virtual_loop().call_later(4, scene.hear, changed)
        await scene.resync.once()
        assert scene.dead(after=31) == []

    run(story())


def while_read(server: ApiServer, act: Callable[[], object]) -> None:
    """Do `act` when the answer to a GET is on its way."""

    def meanwhile(call: ApiCall) -> None:
        if call.verb == "get":
            act()

    server.meanwhile = meanwhile


def test_change_that_the_watch_tells_while_it_is_read_is_not_missed() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        changed = change(scene.server, MAIL)
        while_read(scene.server, lambda: scene.hear(changed))
        await scene.resync.once()
        assert scene.changes == ["mail"]
        assert scene.dead(after=31) == []

    run(story())


def test_object_that_is_made_anew_while_its_end_is_checked_stays_known() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        scene.server.drop(MAIL)
        while_read(scene.server, lambda: scene.hear(scene.server.put(pool())))
        await scene.resync.once()
        assert scene.cache.get(*MAIL) is not None

    run(story())


def test_sync_waits_for_all_that_was_there_at_its_beginning() -> None:
    async def story() -> None:
        scene = Scene()
        stored = [scene.server.put(pool(name)) for name in ("a", "b")]
        loop = virtual_loop()
        loop.call_later(1, scene.hear, stored[0])
        loop.call_later(3, scene.hear, stored[1])
        await scene.resync.wait_until_synced()
        assert loop.time() == pytest.approx(3, abs=0.1)

    run(story())


def test_object_that_goes_before_its_watch_begins_holds_the_sync_up_for_seconds_only() -> None:
    async def story() -> None:
        scene = Scene()
        scene.server.put(pool())
        virtual_loop().call_later(0.5, scene.server.drop, MAIL)
        await scene.resync.wait_until_synced()
        assert virtual_loop().time() < 6

    run(story())


def test_watch_that_does_not_start_holds_the_sync_up_for_half_a_minute_only() -> None:
    async def story() -> None:
        scene = Scene()
        scene.server.put(pool())
        await scene.resync.wait_until_synced()
        assert scene.cache.get(*MAIL) is not None
        assert 30 <= virtual_loop().time() < 40

    run(story())


@pytest.mark.parametrize(
    ("down_from", "down_to"),
    [pytest.param(0, 20, id="at-the-first-list"), pytest.param(25, 60, id="at-the-last-resort")],
)
def test_sync_outlives_an_api_server_that_is_down(down_from: float, down_to: float) -> None:
    async def story() -> None:
        scene = Scene()
        scene.server.put(pool())
        loop = virtual_loop()
        loop.call_later(down_from, scene.server.refuse, "list", "workerpools")
        loop.call_later(down_to, scene.server.accept)
        await scene.resync.wait_until_synced()
        assert scene.cache.get(*MAIL) is not None

    run(story())


def test_resync_goes_on_after_a_refusal() -> None:
    async def story() -> None:
        scene = Scene()
        scene.server.refuse("list", "workerpools")
        loop = virtual_loop()
        task = loop.create_task(scene.resync.run(10))
        loop.call_later(15, scene.server.accept)
        loop.call_later(15, scene.server.put, pool())
        loop.call_later(40, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        assert scene.changes == ["mail"]

    run(story())


def test_what_has_gone_while_a_watch_was_begun_anew_is_forgotten_at_once() -> None:
    async def story() -> None:
        scene = Scene()
        for name in ("goes", "stays"):
            scene.watched(pool(name))
        scene.server.drop(Key("WorkerPool", NAMESPACE, "goes"))
        loop = virtual_loop()
        task = loop.create_task(scene.resync.sweep())
        loop.call_later(1, scene.resync.relisted, "WorkerPool")
        loop.call_later(1.5, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        assert scene.changes == ["goes"]
        assert [key.name for key in scene.cache.keys("WorkerPool")] == ["stays"]
        listed = {request.call.resource for request in scene.server.requests if request.call.verb == "list"}
        assert listed == {"workerpools"}

    run(story())


def test_sweep_waits_for_an_api_server_that_refuses() -> None:
    async def story() -> None:
        scene = Scene()
        scene.watched(pool())
        scene.server.drop(MAIL)
        scene.server.refuse("list", "workerpools")
        scene.resync.relisted("WorkerPool")
        loop = virtual_loop()
        task = loop.create_task(scene.resync.sweep())
        loop.call_later(20, scene.server.accept)
        loop.call_later(25, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        assert scene.cache.get(*MAIL) is None

    run(story())
