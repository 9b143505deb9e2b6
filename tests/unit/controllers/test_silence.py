"""Messages in the hands of silent workers: what pools and queues tell of them, and when they go back."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet import metrics
from taskfleet.api import Broker, Key, Object
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.redis_transport import RedisRecovery
from taskfleet.controllers import task_queue, worker_pool
from taskfleet.controllers.lost_messages import return_lost_messages
from tests.runtime.redis_server import RedisServer
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, of_type, own, pod, pool

BROKER = Key("Broker", NAMESPACE, "default")
MAIL = Key("WorkerPool", NAMESPACE, "mail")
QUEUE = Key("TaskQueue", NAMESPACE, "celery")
LAYOUT = Layout(prefix="", reports="taskfleet:cluster:shop:reports")
REPORT = b'{"seq":7}'
RUNNING = {"containerStatuses": [{"name": "worker", "state": {"running": {}}}]}
SILENT = "Pod mail-1 on node n2 has not reported since 2026-01-01T12:00:00Z and holds 2 messages."


class Silence:
    """A pool that wants no pod, and its last pod, which fell silent on node n2 at 12:00:00 with two messages in hand."""

    def __init__(self, client: Redis, server: RedisServer, *, node: Object | None) -> None:
        self.scene = scene = Scene()
        self._server = server
        scene.add(ready_broker())
        scene.add(pool(replicas=0))
        scene.add(own("TaskQueue", "celery", {}))
        going = {"deletionTimestamp": "2026-01-01T13:00:00Z", "deletionGracePeriodSeconds": 3600}
        scene.add({**pod("mail-1", status=RUNNING, **going), "spec": {"nodeName": "n2"}})
        if node is not None:
            scene.server.put(node)
        self.start = Incarnation(scene.live("WorkerPool", "mail")["metadata"]["uid"], "mail-1", "s1")
        brokers: Any = scene.brokers
        brokers.recovery = lambda _: RedisRecovery(client, LAYOUT)
        self.hold()

    def hold(self) -> None:
        name = "/".join(self.start)
        for tag in ("1", "2"):
            message = json.dumps([{"headers": {"id": tag}}, "", "celery"])
            self._server.client.hset("unacked", tag, message)
            record = json.dumps([int(tag), "celery", "celery.dead"])
            self._server.client.hset(f"taskfleet:cluster:shop:held:{name}", tag, record)
        self._server.client.hset("taskfleet:cluster:shop:reports", name, REPORT)

    async def after(self, seconds: float) -> None:
        """Until that long after its last report: everybody looks every 10 s."""
        while self.scene.seconds + 10 < seconds:
            await self._look(self.scene.seconds + 10)
        await self._look(seconds)

    async def _look(self, seconds: float) -> None:
        scene, brokers = self.scene, self.scene.brokers
        scene.seconds = seconds
        said = Report("stopping", active=1, queues={"celery": QueueWork(active=1, held=2)})
        there = self._server.client.hexists("taskfleet:cluster:shop:reports", "/".join(self.start))
        reports = {self.start: LastReport(said, 0.0, REPORT)} if there else {}
        seen = BrokerSnapshot(
            seconds, {"celery": (0, 0, 0, 0)}, reports, changed=frozenset({self.start.pool_uid})
        )
        still: Any = brokers
        still.snapshot = lambda _: seen
        await scene.reconcile(worker_pool.reconcile, MAIL)
        await scene.reconcile(task_queue.reconcile, QUEUE)
        brokers.board.take(BROKER, seen)
        await return_lost_messages(Broker.parse(scene.live("Broker", "default")), scene.context)
        await scene.reconcile(worker_pool.reconcile, MAIL)
        await scene.reconcile(task_queue.reconcile, QUEUE)

    def verdicts(self) -> tuple[str, str]:
        """Reasons of the pool's Ready and of the queue's Healthy."""
        return self._ready()["reason"], self._healthy()["reason"]

    def messages(self) -> tuple[str, str]:
        return self._ready()["message"], self._healthy()["message"]

    def _ready(self) -> Object:
        return of_type(self.scene.live("WorkerPool", "mail")["status"], "Ready")

    def _healthy(self) -> Object:
        return of_type(self.scene.live("TaskQueue", "celery")["status"], "Healthy")


def unreachable() -> Object:
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    return {**well(), "spec": {"taints": [taint]}}


def well() -> Object:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2"}, "spec": {}}


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    server.client.flushall()
    async with Redis.from_url(server.url) as one:
        yield one
    metrics.forget_pool(NAMESPACE, "mail")


async def test_a_lost_nodes_messages_are_told_of_and_go_back_after_two_minutes(
    client: Redis, server: RedisServer
) -> None:
    silence = Silence(client, server, node=unreachable())
    await silence.after(9)
    assert silence.verdicts() == ("ScaledToZero", "BelowAlert")
    await silence.after(60)
    assert silence.verdicts() == ("PodsUnresponsive", "ConsumersUnresponsive")
    await silence.after(71)  # what only says the same in other words is written every 10 s
    told = f"{SILENT} Its node is lost. The operator requeues its messages at 2026-01-01T12:02:00Z."
    assert silence.messages() == (told, told)
    await silence.after(119)
    assert (silence.messages(), server.client.llen("celery")) == ((told, told), 0)
    await silence.after(121)
    assert server.waiting("celery") == ["1", "2"]
    assert ("Warning", "PodsUnresponsive") in silence.scene.events()
    await silence.after(123)
    assert silence.verdicts() == ("ScaledToZero", "BelowAlert")


async def test_a_silent_pod_of_a_node_that_is_well_keeps_its_messages_and_is_told_of(
    client: Redis, server: RedisServer
) -> None:
    silence = Silence(client, server, node=well())
    await silence.after(600)
    assert silence.verdicts() == ("PodsUnresponsive", "ConsumersUnresponsive")
    assert silence.messages()[0].startswith(f"{SILENT} It may be busy")
    assert server.client.hlen("unacked") == 2


async def test_a_node_that_is_gone_is_lost(client: Redis, server: RedisServer) -> None:
    silence = Silence(client, server, node=None)
    await silence.after(121)
    assert server.client.llen("celery") == 2


async def test_where_nodes_may_not_be_read_the_pod_tells(client: Redis, server: RedisServer) -> None:
    silence = Silence(client, server, node=unreachable())
    silence.scene.server.refuse("get", "nodes")
    await silence.after(121)
    assert server.client.hlen("unacked") == 2
    silence.scene.change(
        Key("Pod", NAMESPACE, "mail-1"), metadata={"deletionTimestamp": "2026-01-01T12:01:00Z"}
    )
    await silence.after(130)
    assert server.client.llen("celery") == 2


async def test_a_node_is_asked_about_every_ten_seconds(client: Redis, server: RedisServer) -> None:
    silence = Silence(client, server, node=well())
    for seconds in range(20, 60):
        await silence.after(seconds)
    assert sum(request.call.resource == "nodes" for request in silence.scene.server.requests) == 4
