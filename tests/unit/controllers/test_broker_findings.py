"""What the slow look at a broker found, as its status and events tell it."""

from typing import Any

import pytest

from taskfleet import metrics
from taskfleet.api import Key, Object
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.recovery.findings import Findings, UnconsumedQueue
from taskfleet.controllers.broker import reconcile
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, broker, of_type

DEFAULT = Key("Broker", NAMESPACE, "default")
FOUND = Findings(
    foreign_unacked=3,
    unread=(UnconsumedQueue("lost", 9),),
    unconsumed_queues=1,
    unconsumed_messages=9,
    kept=2,
    taken=4,
    others=("celery@web-1", "celery@web-2"),
)


class Brokers:
    """A managed Broker whose Redis answers."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.scene.add(broker(visibilityTimeout="1h"))

    async def find(self, findings: Findings | None, *, expired: int = 0) -> Object:
        """Reconcile with these findings, until nothing is written any more; the status."""
        monitor: Any = self.scene.brokers
        monitor.findings = lambda _: findings
        if expired:
            monitor.expired[DEFAULT] = expired
        monitor.probes[DEFAULT] = Probe(Verdict.REACHABLE)
        await self.scene.settle(reconcile, DEFAULT)
        return dict(self.scene.server.objects[DEFAULT]["status"])


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


async def test_everything_is_in_the_status(brokers: Brokers) -> None:
    told = await brokers.find(FOUND, expired=5)
    assert told["unconsumedQueues"] == [{"name": "lost", "waiting": 9}]
    assert (told["foreignUnacked"], told["expiredRequeued"], told["expiredUnroutable"]) == (3, 5, 2)


async def test_what_went_back_adds_up_and_the_rest_is_as_it_is_now(brokers: Brokers) -> None:
    await brokers.find(FOUND, expired=5)
    told = await brokers.find(Findings(), expired=2)
    assert told["expiredRequeued"] == 7
    assert {"unconsumedQueues", "foreignUnacked", "expiredUnroutable"}.isdisjoint(told)


async def test_until_the_first_look_the_last_findings_stay(brokers: Brokers) -> None:
    before = await brokers.find(FOUND)
    written = len(brokers.scene.server.writes)
    assert await brokers.find(None) == before
    assert len(brokers.scene.server.writes) == written


async def test_who_gives_running_tasks_to_others_is_named_with_both_timeouts(brokers: Brokers) -> None:
    verdict = of_type(await brokers.find(FOUND), "VisibilityTimeoutsMatch")
    assert (verdict["status"], verdict["reason"]) == ("False", "RedeliveredWhileRunning")
    for word in ("4 messages", "celery@web-1, celery@web-2", "less than 15m", "the Broker's is 1h"):
        assert word in verdict["message"]
    assert ("Warning", "RedeliveredWhileRunning") in brokers.scene.events()
    verdict = of_type(await brokers.find(Findings()), "VisibilityTimeoutsMatch")
    assert (verdict["status"], verdict["reason"]) == ("True", "NoEarlyRedelivery")


async def test_a_condition_that_stays_is_one_event(brokers: Brokers) -> None:
    await brokers.find(FOUND)
    await brokers.find(Findings(taken=9))
    assert [reason for _, reason in brokers.scene.events()].count("RedeliveredWhileRunning") == 1


async def test_messages_that_went_back_are_told_by_an_event(brokers: Brokers) -> None:
    await brokers.find(Findings(), expired=5)
    assert ("Normal", "ExpiredMessagesRequeued") in brokers.scene.events()


async def test_a_broker_that_went_is_exported_no_more(brokers: Brokers) -> None:

    await brokers.find(FOUND)
    metrics.EXPIRED_UNROUTABLE.labels(NAMESPACE, "default").set(2)
    brokers.scene.drop(DEFAULT)
    await brokers.scene.reconcile(reconcile, DEFAULT)
    labels = {"namespace": NAMESPACE, "broker": "default"}
    assert metrics.REGISTRY.get_sample_value("taskfleet_expired_messages_unroutable", labels) is None
