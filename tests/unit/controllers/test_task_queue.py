"""TaskQueues as they are reconciled: what is asked of the broker, written and told, and the purge on a real Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.annotations import REQUESTED_BY
from taskfleet.brokers.connection.target import target_of
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport, Query
from taskfleet.brokers.polling.share import Share
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.redis_transport import RedisTransport
from taskfleet.controllers import task_queue, worker_pool
from tests.runtime.redis_server import RedisServer
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, broker, conditions, of_type, own, pool

BROKER = Key("Broker", NAMESPACE, "default")
LAYOUT = Layout(prefix="", reports="taskfleet:cluster:shop:reports")


class Queues:
    """A TaskQueue `emails`, a broker, and readings of it."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.key = self.scene.add(own("TaskQueue", "emails", {}))
        self.now = 1000.0
        self.waiting = 0

    def change(self, **spec: Any) -> None:
        generation = self.live["metadata"]["generation"] + 1
        self.scene.change(self.key, spec=spec, metadata={"generation": generation})

    def read(self, waiting: int | None = None, *, times: int = 1, states: tuple[str, ...] = ()) -> None:
        """Readings a second apart, with a pod of pool `mail` in each of the states."""
        self.waiting = self.waiting if waiting is None else waiting
        uid = self.scene.live("WorkerPool", "mail")["metadata"]["uid"] if states else ""
        for _ in range(times):
            self.now += 1
            reports = {
                Incarnation(uid, f"pod-{number}", "s"): LastReport(
                    Report(state, queues={"emails": QueueWork()}), self.now
                )
                for number, state in enumerate(states)
            }
            busy = frozenset({"emails"} if self.waiting else ())
            seen = BrokerSnapshot(self.now, {"emails": (self.waiting, 0, 0, 0)}, reports, busy=busy)
            self.scene.brokers.board.take(BROKER, seen)

    async def reconcile(self) -> float | None:
        return await self.scene.reconcile(task_queue.reconcile, self.key)

    @property
    def live(self) -> Object:
        return self.scene.server.objects[self.key]

    @property
    def status(self) -> Object:
        return dict(self.live.get("status") or {})

    def verdict(self, kind: str) -> tuple[str, str]:
        one = of_type(self.status, kind)
        return one["status"], one["reason"]


@pytest.fixture
async def queues() -> Queues:
    """A queue that was read once, without a pool."""
    one = Queues()
    one.scene.add(ready_broker())
    await one.reconcile()
    one.read()
    await one.reconcile()
    return one


async def test_nothing_is_written_before_the_queue_was_read() -> None:
    one = Queues()
    one.scene.add(ready_broker())
    assert await one.reconcile() is None
    assert not one.scene.server.writes
    assert one.scene.brokers.audience.query(BROKER, LAYOUT).queues == ("emails",)


@pytest.mark.parametrize(
    ("there", "reason", "says"),
    [
        pytest.param(None, "BrokerMissing", "Broker 'default' does not exist", id="no-broker"),
        pytest.param(broker(), "BrokerNotReady", "has not been reconciled yet", id="new-broker"),
        pytest.param(
            broker(status=conditions(Ready="False Unreachable")),
            "BrokerNotReady",
            "Broker 'default' is not ready: Ready is False.",
            id="broker-away",
        ),
    ],
)
async def test_a_queue_that_cannot_be_read_says_why(there: Object | None, reason: str, says: str) -> None:
    one = Queues()
    if there is not None:
        one.scene.add(there)
    await one.reconcile()
    assert one.verdict("Ready") == ("False", reason)
    assert says in of_type(one.status, "Ready")["message"]


async def test_the_pool_that_comes_is_told_to_the_queue_and_so_is_its_suspension(queues: Queues) -> None:
    queues.read(3)
    await queues.reconcile()
    assert queues.verdict("Consumed") == ("False", "NoConsumer")
    assert queues.verdict("Healthy") == ("False", "NotConsumed")
    mail = queues.scene.add(pool(queues=["emails"]))
    await queues.scene.reconcile(worker_pool.reconcile, mail)
    await queues.reconcile()
    assert (queues.verdict("Consumed"), queues.verdict("Healthy")[0]) == (("True", "ConsumedByPool"), "True")
    assert queues.status["pools"] == ["mail"]
    queues.scene.change(mail, spec={"suspend": True})
    await queues.scene.reconcile(worker_pool.reconcile, mail)
    await queues.reconcile()
    assert (queues.verdict("Consumed"), queues.verdict("Healthy")[0]) == (("False", "PoolsStopped"), "False")
    queues.scene.drop(mail)
    await queues.scene.reconcile(worker_pool.reconcile, mail)
    await queues.reconcile()
    assert queues.verdict("Consumed") == ("False", "NoConsumer")


async def test_a_turn_of_a_verdict_is_told_by_an_event_and_a_good_beginning_is_not(queues: Queues) -> None:
    assert queues.scene.events() == [("Warning", "NoConsumer")]
    queues.read(1)
    await queues.reconcile()
    mail = queues.scene.add(pool(queues=["emails"]))
    before = len(queues.scene.events())
    await queues.scene.reconcile(worker_pool.reconcile, mail)
    about_pool = len(queues.scene.events()) - before
    await queues.reconcile()
    await queues.reconcile()
    told = [event for event in queues.scene.events() if event[1] not in ("Progressing", "BrokerNotReady")]
    assert told[:2] == [("Warning", "NoConsumer"), ("Warning", "NotConsumed")]
    assert set(queues.scene.events()[before + about_pool :]) == {
        ("Normal", "ConsumedByPool"),
        ("Normal", "BelowAlert"),
    }


async def test_numbers_wait_for_their_turn_and_verdicts_do_not(queues: Queues) -> None:
    queues.change(alertAbove={"waiting": 10})
    await queues.reconcile()
    queues.read(5, times=2)
    await queues.reconcile()  # messages wait in vain: at once
    assert queues.status["waiting"] == 5
    queues.read(7, times=2)
    assert (await queues.reconcile() or 0) > 0
    assert queues.status["waiting"] == 5
    queues.read(11)
    await queues.reconcile()
    assert (queues.status["waiting"], queues.verdict("Healthy")[1]) == (11, "WaitingAboveAlert")


async def test_a_queue_that_went_is_asked_about_no_more(queues: Queues) -> None:
    queues.scene.drop(queues.key)
    await queues.reconcile()
    assert queues.scene.brokers.audience.query(BROKER, LAYOUT).queues == ()


@asynccontextmanager
async def reached(queues: Queues, server: RedisServer) -> AsyncIterator[None]:
    """The scene's broker is this Redis."""
    redis = RedisTransport(
        target_of(server.url),
        LAYOUT,
        query=lambda: Query(LAYOUT, ()),
        on_reading=lambda _: None,
        share=Share("shop", "default"),
    )
    brokers: Any = queues.scene.brokers
    brokers.purge = lambda _, queue, **how: redis.purge(queue, **how)
    try:
        yield
    finally:
        await redis.aclose()


@pytest.fixture
async def purging(queues: Queues, server: RedisServer) -> AsyncIterator[Queues]:
    """Three messages wait, and have been watched for long enough."""
    server.client.flushall()
    server.client.rpush("emails", "a", "b", "c")
    async with reached(queues, server):
        queues.read(3, times=10)
        await queues.reconcile()
        yield queues


async def test_a_purge_is_carried_out_once_and_recorded(purging: Queues, server: RedisServer) -> None:
    purging.scene.change(purging.key, metadata={"annotations": {REQUESTED_BY: "ann"}})
    purging.change(purge="first")
    await purging.reconcile()
    assert server.client.exists("emails") == 0
    answer = purging.status["lastPurge"]
    assert (answer["token"], answer["messages"], answer["requestedBy"]) == ("first", 3, "ann")
    assert ("Normal", "Purged") in purging.scene.events()
    server.client.rpush("emails", "later")
    await purging.reconcile()
    assert server.lines("emails") == ["later"]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        pytest.param("ready", "consumed by WorkerPools: mail (1 pod)", id="fetches"),
        pytest.param("draining", "still drain", id="drains"),
    ],
)
async def test_a_purge_is_refused_while_pods_have_to_do_with_the_queue(
    purging: Queues, server: RedisServer, state: str, says: str
) -> None:
    mail = purging.scene.add(pool(queues=["emails"]))
    await purging.scene.reconcile(worker_pool.reconcile, mail)
    purging.read(3, times=2, states=(state,))
    purging.change(purge="first")
    await purging.reconcile()
    answer = purging.status["lastPurge"]
    assert says in answer["refused"]
    assert (answer["messages"], server.client.llen("emails")) == (0, 3)
    assert ("Warning", "PurgeRefused") in purging.scene.events()
    purging.change(purge="second force")
    await purging.reconcile()
    answer = purging.status["lastPurge"]
    assert (answer["messages"], answer.get("refused"), server.client.exists("emails")) == (3, None, 0)


async def test_a_purge_is_refused_while_others_take_messages(purging: Queues, server: RedisServer) -> None:
    purging.read(1, times=6)
    purging.change(purge="first")
    await purging.reconcile()
    assert "Clients outside of Taskfleet" in purging.status["lastPurge"]["refused"]
    assert server.client.llen("emails") == 3


async def test_a_queue_is_watched_for_a_while_before_it_is_purged(
    queues: Queues, server: RedisServer
) -> None:
    server.client.flushall()
    server.client.rpush("emails", "a")
    async with reached(queues, server):
        queues.change(purge="first")
        queues.read(1)
        assert await queues.reconcile() == 1.0
        assert "lastPurge" not in queues.status
        queues.read(1, times=10)
        await queues.reconcile()
    assert queues.status["lastPurge"]["messages"] == 1


async def test_a_purge_waits_for_a_broker_that_is_away(purging: Queues, server: RedisServer) -> None:
    purging.scene.brokers.board.take(BROKER, None)
    purging.change(purge="first")
    await purging.reconcile()
    assert "lastPurge" not in purging.status
    purging.read(3, times=10)
    await purging.reconcile()
    assert purging.status["lastPurge"]["messages"] == 3
    assert server.client.exists("emails") == 0
