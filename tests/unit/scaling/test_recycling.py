"""Old and large pods are replaced one at a time: never at work, and never below the pods that a rollout would leave."""

from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.brokers.polling.worker_report import Report
from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Due, PodLoad, PodState, PoolLoad
from taskfleet.scaling.recycling import pod_to_recycle, recycling, spare_pods, with_recycling
from taskfleet.scaling.sizing import Cause, Sizing, decide, remember
from tests.unit.scaling.fleet import LIMITS
from tests.unit.scaling.test_loop import MAIL, SCALE, Scene, worker

LARGE = Report("ready", memory=500 * 1024 * 1024)
BUSY, IDLE = replace(LARGE, active=1), Report("ready")
DUE = Due("it is 25 h 0 min old and recycle.maxAge is 24h", "uid")
NO_SURGE: Object = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
MEMORY: Object = {"maxMemory": "400Mi"}


def old(name: str, **changes: Any) -> PodLoad:
    return replace(PodLoad(name, PodState.CONSUMING, due=DUE), **changes)


def test_a_replacement_starts_before_an_old_pod_is_asked_to_drain() -> None:
    load = PoolLoad(replace(LIMITS, most=2), replicas=2, pods=(old("a", active=1), old("b")))
    pod = pod_to_recycle(load, 2, None)
    assert pod is not None
    assert pod.name == "b", "the one with the fewest tasks"
    step = recycling(load, Sizing(2, Cause.DEMAND, ""), pod, surges=True, empty_readings=9, forced=False)
    assert (step.replicas, step.drain) == (3, ())


@pytest.mark.parametrize(
    ("pods", "changes"),
    [
        pytest.param([old("a"), old("b", due=None, state=PodState.STARTING)], {}, id="a-pod-starts"),
        pytest.param([old("a"), old("b")], {"rolling": True}, id="a-rollout-replaces-pods"),
        pytest.param([old("a", stale=True), old("b", due=None)], {}, id="its-worker-is-silent"),
        pytest.param([old("a", owed=True), old("b", due=None)], {}, id="a-replica-set-takes-it"),
        pytest.param([old("a"), old("c"), old("b", state=PodState.DRAINING)], {}, id="another-one-goes"),
    ],
)
def test_recycling_waits(pods: list[PodLoad], changes: dict[str, Any]) -> None:
    load = replace(PoolLoad(LIMITS, replicas=len(pods), pods=tuple(pods)), **changes)
    assert pod_to_recycle(load, 2, None) is None


def test_a_pod_that_is_unready_is_no_replacement() -> None:
    new = PodLoad("new", PodState.CONSUMING, unready=True)
    load = PoolLoad(LIMITS, replicas=3, pods=(old("a"), old("b"), new))
    verdict = Sizing(2, Cause.DEMAND, "")
    step = recycling(load, verdict, load.pods[0], surges=True, empty_readings=9, forced=False)
    assert (step.replicas, step.drain) == (3, ())


@pytest.mark.parametrize("surges", [pytest.param(True, id="one-more"), pytest.param(False, id="one-less")])
def test_a_size_that_must_not_shrink_or_grow_is_the_same_after_a_recycling(surges: bool) -> None:
    limits = replace(LIMITS, up=Rules(select="Disabled"), down=Rules(select="Disabled"))
    others = tuple(PodLoad(name, PodState.CONSUMING) for name in ("b", "c"))
    more = (PodLoad("new", PodState.CONSUMING),) if surges else ()
    pod = old("a", state=PodState.CONSUMING if surges else PodState.DRAINING, active=1)
    load = PoolLoad(limits, replicas=3 + surges, pods=(pod, *others, *more), waiting=9)
    last = with_recycling(Sizing(3, Cause.SCALE_UP_LIMIT, ""), pod)
    verdict, _ = decide(replace(load, spare=spare_pods(load, last)), remember(3, 0.0), 1.0)
    assert verdict.pods == 3


async def test_a_fixed_pool_is_recycled_with_one_pod_more() -> None:
    scene = Scene(replicas=2, spec_replicas=2, recycle=MEMORY)
    for name in ("mail-1", "mail-2"):
        scene.put(worker(name))
    await scene.look(mail_1=BUSY, mail_2=IDLE)
    assert scene.replicas == 3
    decided = scene.loop.last(MAIL)
    assert decided is not None
    assert (decided.verdict.pods, decided.verdict.cause) == (2, Cause.RECYCLE)
    said = "Pod mail-1 is recycled: it uses 500 MiB and recycle.maxMemory is 400Mi."
    assert decided.verdict.sentence == f"spec.replicas is 2. {said}"
    assert scene.loop.recycled(MAIL) == (said,)
    scene.put(worker("mail-3"))
    await scene.look(mail_1=BUSY, mail_2=IDLE, mail_3=IDLE)
    assert scene.drained == {"mail-1"}
    await scene.look(mail_1=scene.draining("mail-1", BUSY), mail_2=IDLE, mail_3=IDLE)
    assert scene.replicas == 3, "it is at work"
    scene.put(worker("mail-1", ready=False, marked=True))
    await scene.look(mail_1=scene.draining("mail-1", LARGE), mail_2=IDLE, mail_3=IDLE)
    assert scene.replicas == 2
    scene.go("mail-1")
    await scene.look(mail_2=IDLE, mail_3=IDLE)
    decided = scene.loop.last(MAIL)
    assert decided is not None
    assert (scene.replicas, decided.verdict.cause) == (2, Cause.REPLICAS)
    assert scene.loop.recycled(MAIL) == (said,)
    scene.loop.reported_recycled(MAIL, (said,))
    assert scene.loop.recycled(MAIL) == ()
    assert scene.loop.size(MAIL).news.resized is None, "its event is that of the pod"


async def test_without_a_surge_a_drained_pod_is_deleted_and_its_place_kept() -> None:
    scene = Scene(replicas=2, spec_replicas=2, recycle=MEMORY, strategy=NO_SURGE)
    for name in ("mail-1", "mail-2"):
        scene.put(worker(name))
    await scene.look(mail_1=BUSY, mail_2=BUSY)
    assert scene.drained == {"mail-1"}
    await scene.look(mail_1=scene.draining("mail-1", BUSY), mail_2=BUSY)
    assert scene.has("mail-1"), "it is at work"
    await scene.look(mail_1=scene.draining("mail-1", LARGE), mail_2=BUSY)
    assert not scene.has("mail-1")
    scene.cache.remove(scene.manifest("mail-1"))
    await scene.look(mail_2=BUSY)
    assert scene.drained == {"mail-1"}, "the next one waits for the replacement"
    assert scene.replicas == 2


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"autoscale": {**SCALE, "minReplicas": 1, "mode": "Hold"}}, id="hold"),
        pytest.param({"autoscale": {**SCALE, "minReplicas": 1, "mode": "Recommend"}}, id="recommend"),
        pytest.param({"replicas": 1, "suspend": True}, id="suspended"),
    ],
)
async def test_a_pool_that_is_not_scaled_is_not_recycled(spec: Object) -> None:
    scene = Scene(replicas=1, recycle=MEMORY, spec_replicas=spec.pop("replicas", None), **spec)
    scene.put(worker("mail-1"))
    await scene.look(mail_1=BUSY)
    assert scene.replicas == 1
    assert scene.loop.recycled(MAIL) == ()


async def test_while_the_broker_is_away_nothing_is_recycled() -> None:
    scene = Scene(replicas=1, spec_replicas=1, recycle={"maxAge": "1s"})
    scene.put(worker("mail-1"))
    scene.loop.update(scene.pool, scene.broker, cannot_start=None)
    await scene.loop.finish_actions()
    assert scene.replicas == 1


async def test_an_idle_pool_at_its_minimum_is_recycled_by_age() -> None:
    scene = Scene(replicas=1, autoscale={**SCALE, "minReplicas": 1}, recycle={"maxAge": "1s"})
    scene.put(worker("mail-1"))
    await scene.look(mail_1=IDLE)
    assert scene.replicas == 2
    (told,) = scene.loop.recycled(MAIL)
    assert told.startswith("Pod mail-1 is recycled: it is ")
    assert told.endswith(" old and recycle.maxAge is 1s.")
