"""The one writer of `spec.replicas`, on an API server in memory."""

import pytest

from taskfleet.api import Key, Object
from taskfleet.kube.cache import Cache
from taskfleet.kube.errors import ConflictError
from taskfleet.scaling.writer import ReplicaWriter
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE

WORKER = Key("Deployment", NAMESPACE, "mail-worker")


def deployment(replicas: int | None = None) -> Object:
    size = {} if replicas is None else {"replicas": replicas}
    return {
        "kind": "Deployment",
        "metadata": {"name": "mail-worker", "namespace": NAMESPACE},
        "spec": {**size, "paused": True},
    }


class Scene:
    def __init__(self) -> None:
        self.server = ApiServer()
        self.cache = Cache()
        self.writer = ReplicaWriter(self.server.gateway(), self.cache)

    @property
    def replicas(self) -> int:
        return int(self.server.objects[WORKER]["spec"]["replicas"])


async def test_new_deployment_has_its_size_from_the_first_moment() -> None:
    scene = Scene()
    created = await scene.writer.create(deployment(0))
    assert created["spec"]["replicas"] == 0
    assert scene.cache.get(*WORKER) == created


async def test_size_is_written_and_remembered() -> None:
    scene = Scene()
    created = await scene.writer.create(deployment(1))
    written = await scene.writer.write(created, 5)
    assert scene.replicas == 5
    assert scene.cache.get(*WORKER) == written


async def test_apply_of_the_rest_leaves_the_size() -> None:
    scene = Scene()
    await scene.writer.write(await scene.writer.create(deployment(1)), 5)
    await scene.server.gateway().apply(deployment())
    assert scene.replicas == 5


async def test_size_is_not_written_over_what_has_changed_since_and_the_change_is_learnt() -> None:
    scene = Scene()
    created = await scene.writer.create(deployment(1))
    scene.server.put(deployment(7))
    with pytest.raises(ConflictError):
        await scene.writer.write(created, 2)
    assert scene.replicas == 7
    known = scene.cache.get(*WORKER)
    assert known is not None
    await scene.writer.write(known, 2)
    assert scene.replicas == 2


async def test_news_of_its_pods_keep_no_size_from_being_written() -> None:
    scene = Scene()
    created = await scene.writer.create(deployment(1))
    scene.server.put({**created, "status": {"replicas": 1}})
    written = await scene.writer.write(created, 5)
    assert scene.replicas == 5
    assert scene.cache.get(*WORKER) == written


async def test_size_is_not_written_to_a_successor() -> None:
    scene = Scene()
    created = await scene.writer.create(deployment(1))
    scene.server.drop(WORKER)
    scene.server.put(deployment(7))
    with pytest.raises(ConflictError):
        await scene.writer.write(created, 2)
    assert scene.replicas == 7


async def test_deployment_that_is_gone_is_not_made_again_by_its_size() -> None:
    scene = Scene()
    created = await scene.writer.create(deployment(1))
    scene.server.drop(WORKER)
    with pytest.raises(ConflictError):
        await scene.writer.write(created, 2)
    assert WORKER not in scene.server.objects
