"""What is told when a dead worker's messages are given back, on a real Redis."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.api import Broker, Key
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, Report
from taskfleet.brokers.recovery.redelivery import LOSSES
from taskfleet.brokers.redis_transport import RedisRecovery
from taskfleet.controllers.lost_messages import return_lost_messages
from taskfleet.controllers.worker_pool import reconcile
from taskfleet.metrics import REGISTRY
from tests.runtime.redis_server import RedisServer
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, pod, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LAYOUT = Layout(prefix="", reports="taskfleet:cluster:shop:reports")
NOW = 1000.0
REPORT = b'{"seq":1}'


@pytest.fixture
async def scene(server: RedisServer) -> AsyncIterator[Scene]:
    """A pool one of whose pods has ended with three messages, one of them for the sixth time."""
    server.client.flushall()
    one = Scene()
    one.add(ready_broker())
    one.add(pool())
    ended = {"containerStatuses": [{"name": "worker", "state": {"terminated": {}}}]}
    one.add(pod("mail-1", status=ended))
    start = Incarnation(one.live("WorkerPool", "mail")["metadata"]["uid"], "mail-1", "s1")
    for order, redelivered in enumerate((0, 3, 5)):
        hold(server, start, str(order), order, redelivered)
    server.client.hset("taskfleet:cluster:shop:reports", "/".join(start), REPORT)
    silent_for(one, 20)
    async with Redis.from_url(server.url) as client:
        brokers: Any = one.brokers
        brokers.recovery = lambda _: RedisRecovery(client, LAYOUT)
        yield one
    one.drop(MAIL)
    await one.reconcile(reconcile, MAIL)


def hold(server: RedisServer, start: Incarnation, tag: str, order: int, redelivered: int) -> None:
    message = {LOSSES: redelivered, "headers": {"id": tag}}
    server.client.hset("unacked", tag, json.dumps([message, "", "celery"]))
    record = json.dumps([order, "celery", "celery.dead"])
    server.client.hset(f"taskfleet:cluster:shop:held:{'/'.join(start)}", tag, record)


def silent_for(scene: Scene, seconds: float) -> None:
    start = Incarnation(scene.live("WorkerPool", "mail")["metadata"]["uid"], "mail-1", "s1")
    known = LastReport(Report("ready"), NOW - seconds, REPORT)
    brokers: Any = scene.brokers
    brokers.snapshot = lambda _: BrokerSnapshot(NOW, {}, {start: known}, {"celery": 4})


async def requeue_unacked(scene: Scene) -> None:
    await return_lost_messages(Broker.parse(scene.live("Broker", "default")), scene.context)


def metric(name: str, pool: str = "mail") -> float | None:
    labels: Mapping[str, str] = {"namespace": NAMESPACE, "pool": pool}
    return REGISTRY.get_sample_value(name, dict(labels))


async def test_messages_of_a_dead_pod_are_counted_and_told(scene: Scene, server: RedisServer) -> None:
    await requeue_unacked(scene)
    await scene.reconcile(reconcile, MAIL)
    assert (server.client.llen("celery"), server.client.llen("celery.dead")) == (2, 1)
    assert metric("taskfleet_messages_requeued_total") == 2
    assert metric("taskfleet_messages_dead_lettered_total") == 1
    assert metric("taskfleet_dead_letters") == 4
    assert scene.live("WorkerPool", "mail")["status"]["requeued"] == 2
    assert {("Normal", "MessagesRequeued"), ("Warning", "MessagesDeadLettered")} < set(scene.events())


async def test_a_pod_that_is_lost_with_its_node_is_deleted_so_that_another_takes_its_place(
    scene: Scene, server: RedisServer
) -> None:
    marked = [
        {"type": "Ready", "status": "False"},
        {"type": "ContainersReady", "status": "True"},
    ]
    running = {"containerStatuses": [{"name": "worker", "state": {"running": {}}}], "conditions": marked}
    scene.add(pod("mail-1", status=running))
    silent_for(scene, 119)
    await requeue_unacked(scene)
    assert scene.has("Pod", "mail-1")
    silent_for(scene, 121)
    await requeue_unacked(scene)
    assert server.client.llen("celery") == 2
    assert not scene.has("Pod", "mail-1")
    assert ("Warning", "LostPodDeleted") in scene.events()


async def test_nothing_is_exported_about_a_pool_that_is_gone(scene: Scene) -> None:
    await requeue_unacked(scene)
    await scene.reconcile(reconcile, MAIL)
    scene.drop(MAIL)
    await scene.reconcile(reconcile, MAIL)
    assert metric("taskfleet_messages_requeued_total") is None
    assert metric("taskfleet_dead_letters") is None
    scene.add(pool())


async def test_a_broker_that_names_thousands_of_pods_makes_few_calls_to_the_api_server(scene: Scene) -> None:
    known = LastReport(Report("ready"), NOW - 20, b"")
    unknown = {Incarnation("uid", f"unknown-{number}", "s"): known for number in range(3000)}
    brokers: Any = scene.brokers
    brokers.snapshot = lambda _: BrokerSnapshot(NOW, {}, unknown, {})
    before = len(scene.server.requests)
    await requeue_unacked(scene)
    assert len(scene.server.requests) - before == 30
