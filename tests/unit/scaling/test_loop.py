"""The loop on an API server in memory: what it does at a reading, remembers of it, and tells of it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from taskfleet import metrics
from taskfleet.api import Key, Object, WorkerPool
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, Report
from taskfleet.kube.cache import Cache
from taskfleet.scaling.actions import ScaleExecutor
from taskfleet.scaling.due_pools import NEVER, NEXT_READING
from taskfleet.scaling.loop import ScalingLoop
from taskfleet.scaling.pods import DELETION_COST, FIRST_TO_GO
from taskfleet.scaling.pool_metrics import PoolMetrics
from taskfleet.scaling.sizing import Cause
from taskfleet.scaling.writer import ReplicaWriter
from taskfleet.tracing.span import Span
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, metadata, pod, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
BROKER = Key("Broker", NAMESPACE, "default")
LABELS = {"namespace": NAMESPACE, "pool": "mail"}
UID = "uid-of-mail"
SCALE: Object = {"minReplicas": 0, "maxReplicas": 4, "behavior": {"scaleDown": {"stabilizationWindow": "0s"}}}


def worker(name: str, *, ready: bool = True, marked: bool = False, **meta: Any) -> Object:
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    annotations = {DELETION_COST: FIRST_TO_GO} if marked else {}
    return pod(name, status=status, annotations=annotations, **meta)


class Requests:
    """Drain requests as the broker has them: the number of each pod's lease."""

    def __init__(self) -> None:
        self.leases: dict[str, int] = {}

    async def lift(self, pods: Sequence[str]) -> None:
        for name in pods:
            self.leases.pop(name, None)

    async def renew(self, numbers: Mapping[str, int]) -> None:
        self.leases.update(numbers)

    async def stop(self, pods: Sequence[str]) -> None:
        assert not pods


class Brokers:
    """One broker that says what the test says."""

    def __init__(self) -> None:
        self.outcomes = OutcomeBoard()
        self.seen: BrokerSnapshot | None = None
        self.requests = Requests()
        self.due_at = NEVER

    def read_by(self, broker: Key, at: float) -> None:  # noqa: ARG002 - as the real one
        self.due_at = at

    def drains(self, broker: Key, pool_uid: str) -> Requests:  # noqa: ARG002 - as the real one
        return self.requests

    def snapshot(self, broker: Key) -> BrokerSnapshot | None:  # noqa: ARG002 - as the real one
        return self.seen


class Scene:
    """A pool with its Deployment, and a loop that hears of it."""

    broker = BROKER

    def __init__(self, *, replicas: int = 0, spec_replicas: int | None = None, **spec: Any) -> None:
        spec |= {} if spec_replicas is None else {"replicas": spec_replicas}
        self.server, self.cache, self.brokers = ApiServer(), Cache(), Brokers()
        self.told: list[Key] = []
        self.spans: list[Span] = []
        writer = ReplicaWriter(self.server.gateway(), self.cache)
        self.loop = ScalingLoop(
            self.cache,
            self.brokers,
            ScaleExecutor(self.server.gateway(), writer),
            told=self.told.append,
            traced=self.spans.append,
        )
        self.pool = WorkerPool.parse(pool(**(spec or {"autoscale": SCALE})))
        labels = {"taskfleet.dev/pool": "mail"}
        size: Object = {"replicas": replicas}
        self.put({"kind": "Deployment", "metadata": metadata("mail-worker", labels=labels), "spec": size})

    def put(self, obj: Object) -> None:
        self.cache.put(self.server.put(obj))

    @property
    def drained(self) -> set[str]:
        """Pods that were asked to drain."""
        return set(self.brokers.requests.leases)

    def draining(self, name: str, said: Report) -> Report:
        """What the worker of a pod reports that was asked to drain, with or without work."""
        state = "draining" if said.active else "drained"
        return replace(said, state=state, drain=self.brokers.requests.leases[name])

    def manifest(self, name: str) -> Object:
        """As the operator knows it."""
        return next(pod for pod in self.cache.children("Pod", MAIL) if pod["metadata"]["name"] == name)

    def has(self, name: str) -> bool:
        """Whether the API server still has the pod."""
        return Key("Pod", NAMESPACE, name) in self.server.objects

    def go(self, name: str) -> None:
        """A pod is gone, as the watch tells it."""
        self.cache.remove(self.server.drop(Key("Pod", NAMESPACE, name)))

    async def look(self, *, waiting: int = 0, age: float | None = None, **reports: Report) -> None:
        """One reading, and all that follows from it."""
        now = time.monotonic()
        known = {
            Incarnation(UID, name.replace("_", "-"), "s"): LastReport(said, now)
            for name, said in reports.items()
        }
        self.brokers.seen = BrokerSnapshot(
            now,
            {"celery": (waiting, 0, 0, 0)},
            known,
            changed=frozenset({UID}),
            busy=frozenset({"celery"} if waiting else ()),
            oldest_since={} if age is None else {"celery": now - age},
        )
        self.loop.update(self.pool, BROKER, cannot_start=None)
        await self.loop.finish_actions()
        await asyncio.sleep(0)

    @property
    def replicas(self) -> int:
        return int(self.server.objects[Key("Deployment", NAMESPACE, "mail-worker")]["spec"]["replicas"])


@pytest.fixture(autouse=True)
def _no_figures_of_other_tests() -> None:
    metrics.forget_all_pools()


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def figures(scene: Scene) -> Mapping[str, float]:
    """What /metrics tells of the pool, by the name without its beginning."""
    families = PoolMetrics(scene.loop, scene.brokers).collect()
    return {
        sample.name.removeprefix("taskfleet_pool_"): sample.value
        for family in families
        for sample in family.samples
        if sample.labels == LABELS
    }


async def test_a_queue_that_somebody_else_has_emptied_is_news() -> None:
    scene = Scene()
    await scene.look(waiting=4)
    await scene.look(waiting=4)  # the Deployment has its size: nothing is left to do
    assert scene.replicas == 4
    full = scene.brokers.seen
    assert full is not None
    scene.loop.on_reading(BROKER, replace(full, changed=frozenset()))
    for _ in range(3):  # nothing but the queue has changed, and it is empty twice before the last pod goes
        empty = replace(full, waiting={"celery": (0, 0, 0, 0)}, busy=frozenset(), changed=frozenset())
        scene.loop.on_reading(BROKER, replace(empty, at=time.monotonic()))
        await scene.loop.finish_actions()
        await asyncio.sleep(0)
    assert scene.replicas == 0


async def test_a_reading_is_wanted_at_once_while_a_pool_has_something_to_do() -> None:
    scene = Scene()
    await scene.look(waiting=4)
    assert scene.brokers.due_at == NEXT_READING
    await scene.look(waiting=4)  # the Deployment has its size
    assert scene.brokers.due_at == NEVER


async def test_a_reading_is_wanted_when_a_run_is_planned_earlier() -> None:
    scene = Scene()
    await scene.look()
    scene.loop.look_at(BROKER, ["celery"])
    assert scene.brokers.due_at == NEXT_READING
    scene.loop.forget(MAIL)
    scene.loop.on_reading(BROKER, scene.brokers.seen)
    assert scene.brokers.due_at == NEVER


async def test_a_pool_without_a_deployment_wants_no_reading() -> None:
    scene = Scene()
    scene.cache.remove(scene.server.drop(Key("Deployment", NAMESPACE, "mail-worker")))
    await scene.look(waiting=4)
    assert scene.brokers.due_at == NEVER


async def test_a_decision_is_remembered_as_it_was_made_and_what_follows_it_is_not() -> None:
    scene = Scene()
    await scene.look(waiting=3)
    scene.put(worker("mail-1"))
    await scene.look(waiting=2, mail_1=Report("ready", active=1))
    (made,) = scene.loop.history(MAIL)
    assert (made.load.replicas, made.load.waiting, made.verdict.pods) == (0, 3, 3)
    newest = scene.loop.last(MAIL)
    assert newest is not None
    assert (newest.load.replicas, newest.load.waiting, newest.load.running) == (3, 2, 1)


async def test_no_more_than_twenty_decisions_are_remembered() -> None:
    scene = Scene()
    for at in range(50):
        await scene.look(waiting=at % 2)
    history = scene.loop.history(MAIL)
    assert len(history) == 20
    assert {made.verdict.cause for made in history} == {Cause.DEMAND}


async def test_decisions_are_counted_by_reason_until_the_pool_is_gone() -> None:
    scene = Scene()
    for waiting in (3, 3, 2, 9):
        await scene.look(waiting=waiting)
    decisions = "taskfleet_scaling_decisions_total"
    assert value(decisions, **LABELS, reason="Demand") == 3, "0 to 3, to 2, and to the limit"
    metrics.forget_pool(NAMESPACE, "mail")
    assert value(decisions, **LABELS, reason="Demand") is None
    assert value("taskfleet_busy_pods_removed_total", **LABELS) is None


async def test_each_new_decision_is_a_span_until_it_is_carried_out() -> None:
    scene = Scene()
    before = time.time()
    for waiting in (3, 3):
        await scene.look(waiting=waiting)
    (span,) = scene.spans
    assert (span.name, span.error) == (f"scale {NAMESPACE}/mail", "")
    assert before <= span.began < span.ended <= time.time()
    told = span.attributes
    assert told["taskfleet.decision.reason"] == Cause.DEMAND
    assert (told["taskfleet.replicas.before"], told["taskfleet.replicas.after"]) == (0, 3)
    assert told["taskfleet.waiting"] == 3


async def test_the_span_of_a_decision_that_is_refused_says_so() -> None:
    scene = Scene()
    scene.server.refuse("patch", "deployments", message="quota")
    await scene.look(waiting=3)
    (span,) = scene.spans
    assert "quota" in span.error


async def test_reaction_is_measured_from_the_reading_that_showed_the_need() -> None:
    scene = Scene()
    count, total = "taskfleet_reaction_seconds_count", "taskfleet_reaction_seconds_sum"
    before = value(count) or 0, value(total) or 0
    await scene.look(waiting=2)
    assert scene.replicas == 2
    await scene.look(waiting=0)
    assert scene.replicas == 1
    assert value(count) == before[0] + 1, "one growth, and a shrink that is none"
    assert 0 < (value(total) or 0) - before[1] < 5


async def test_a_growth_that_is_refused_at_first_is_measured_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("taskfleet.scaling.backoff.FIRST_SECONDS", 0.0)
    scene = Scene()
    before = value("taskfleet_reaction_seconds_sum") or 0
    scene.server.refuse("patch", "deployments", message="not now")
    await scene.look(waiting=2)
    refused_at = time.monotonic()
    scene.server.accept()
    accepted_at = time.monotonic()
    await scene.look(waiting=2)
    assert scene.replicas == 2
    assert (value("taskfleet_reaction_seconds_sum") or 0) - before > accepted_at - refused_at


async def test_each_refusal_of_a_size_is_told_as_only_who_is_told_asks_when_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("taskfleet.scaling.backoff.FIRST_SECONDS", 0.0)
    scene = Scene()
    scene.server.refuse("patch", "deployments", message="not now")
    for _ in range(2):
        scene.told.clear()
        await scene.look(waiting=2)
        assert MAIL in scene.told


@pytest.mark.parametrize(
    ("taken", "wrong"), [pytest.param("mail-2", 0, id="drained"), pytest.param("mail-1", 1, id="busy")]
)
async def test_a_pod_that_a_shrink_takes_before_it_has_drained_is_counted(taken: str, wrong: int) -> None:
    scene = Scene(replicas=2)
    scene.put(worker("mail-1"))
    scene.put(worker("mail-2", ready=False, marked=True))
    reports: dict[str, Any] = {"mail_1": Report("ready", active=1), "mail_2": Report("drained", drain=7)}
    await scene.look(**reports)
    assert scene.replicas == 1
    scene.go(taken)
    del reports[taken.replace("-", "_")]
    await scene.look(**reports)
    assert value("taskfleet_busy_pods_removed_total", **LABELS) == wrong


async def test_a_pod_that_has_gone_when_it_is_to_be_marked_holds_nothing_up() -> None:
    scene = Scene(replicas=1)
    scene.put(worker("mail-1", ready=False))
    scene.server.drop(Key("Pod", NAMESPACE, "mail-1"))  # of which no watch has told yet
    await scene.look(mail_1=Report("drained", drain=7))
    assert scene.loop.refusal(MAIL) is None


async def test_a_refusal_is_over_when_what_was_refused_is_wanted_no_more() -> None:
    scene = Scene(replicas=2)
    for name in ("mail-1", "mail-2"):
        scene.put(worker(name, ready=name == "mail-1"))
    reports: dict[str, Any] = {"mail_1": Report("ready", active=1), "mail_2": Report("drained", drain=7)}
    scene.server.refuse("patch", "pods", message="not now")
    await scene.look(**reports)
    assert "not now" in str(scene.loop.refusal(MAIL))
    scene.go("mail-2")
    scene.told.clear()
    await scene.look(waiting=1, mail_1=Report("ready", active=1))
    assert scene.loop.refusal(MAIL) is None
    assert MAIL in scene.told


async def test_what_a_pool_does_is_told_when_it_is_asked_for() -> None:
    scene = Scene(replicas=3)
    for name in ("mail-1", "mail-2"):
        scene.put(worker(name))
    scene.put(worker("mail-3", ready=False))
    busy = Report("ready", active=1, prefetched=2)
    await scene.look(waiting=40, age=65.0, mail_1=busy, mail_2=Report("draining", drain=3, active=1))
    told = figures(scene)
    age = told["oldest_message_age_seconds"]
    assert told == {
        "desired_replicas": 4,
        "ready_replicas": 2,
        "busy_replicas": 2,
        "draining_replicas": 1,
        "waiting_messages": 40,
        "in_flight_messages": 4,
        "oldest_message_age_seconds": age,
    }
    assert age == pytest.approx(65.0, abs=1.0)


async def test_of_a_broker_that_does_not_answer_no_old_figures_are_told() -> None:
    scene = Scene(replicas=1)
    scene.put(worker("mail-1"))
    await scene.look(waiting=3, mail_1=Report("ready", active=1))
    scene.brokers.seen = None
    scene.loop.on_reading(BROKER, None)
    assert figures(scene) == {"desired_replicas": 4, "ready_replicas": 1}


async def test_figures_of_a_pool_that_is_gone_vanish() -> None:
    scene = Scene()
    await scene.look(waiting=1)
    assert figures(scene)
    scene.loop.forget(MAIL)
    assert figures(scene) == {}


async def test_figures_are_in_prometheus_form() -> None:
    scene = Scene()
    await scene.look(waiting=1)
    registered = PoolMetrics(scene.loop, scene.brokers)
    metrics.REGISTRY.register(registered)
    try:
        text = generate_latest(metrics.REGISTRY).decode()
    finally:
        metrics.REGISTRY.unregister(registered)
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {
        "taskfleet_pool_waiting_messages",
        "taskfleet_busy_pods_removed",
        "taskfleet_poll_seconds",
    } <= names
