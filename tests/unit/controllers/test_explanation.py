"""What is told of decisions, and to whom."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Key
from taskfleet.controllers.explanation import decisions, tell_decisions
from taskfleet.controllers.worker_pool import reconcile
from taskfleet.scaling.behavior import Policy, Rules
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.load import Limits, PodLoad, PodState, PoolLoad
from taskfleet.scaling.scale_plan import ScalePlan
from taskfleet.scaling.sizing import decide, remember
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "secret"


def made(load: PoolLoad, *, at: float = 0.0) -> DecisionRecord:
    verdict, _ = decide(load, remember(load.replicas, 0.0), 1.0)
    return DecisionRecord(at, verdict, load, ScalePlan(verdict.pods))


def test_a_decision_is_told_with_everything_that_it_was_made_from() -> None:
    pods = (
        PodLoad("a", PodState.CONSUMING, active=4, held_back=1),
        PodLoad("b", PodState.DRAINING, active=2),
    )
    limits = Limits(capacity=4, least=0, most=2, down=Rules(30))
    load = PoolLoad(limits, replicas=3, pods=pods, waiting=8, held_back=1)
    assert decisions([made(load, at=61.5)], began=BEGAN) == [
        {
            "time": "2026-01-01T12:01:01Z",
            "from": 3,
            "to": 2,
            "waiting": 8,
            "running": 4,
            "heldBack": 1,
            "starting": 1,
            "draining": 1,
            "capacity": 4,
            "want": 3,
            "limit": "maxReplicas 2",
            "reason": "Demand",
            "message": "8 waiting + 4 running at 4 per pod: 3 pods; limited by maxReplicas 2.",
        }
    ]


@pytest.mark.parametrize(
    ("least", "waiting", "reachable", "want", "limit"),
    [
        pytest.param(0, 5, True, 5, None, id="within"),
        pytest.param(0, 11, True, 11, "maxReplicas 10", id="above"),
        pytest.param(2, 0, True, 0, "minReplicas 2", id="below"),
        pytest.param(0, 5, False, None, None, id="nothing-is-known"),
    ],
)
def test_the_limit_that_is_in_the_way_is_named(
    least: int, waiting: int, reachable: bool, want: int | None, limit: str | None
) -> None:
    limits = Limits(capacity=1, least=least, most=10, down=Rules(0))
    load = PoolLoad(limits, replicas=0, waiting=waiting, broker_reachable=reachable)
    (told,) = decisions([made(load)], began=BEGAN)
    assert (told["want"], told["limit"]) == (want, limit)


def test_behavior_that_is_in_the_way_is_named() -> None:
    limits = Limits(capacity=1, least=0, most=10, up=Rules(policies=(Policy(2, 60.0),)))
    (told,) = decisions([made(PoolLoad(limits, replicas=0, waiting=20))], began=BEGAN)
    assert (told["to"], told["limit"]) == (2, "behavior.scaleUp")


async def scene_of(**spec: Any) -> Scene:
    scene = Scene()
    scene.add(ready_broker())
    scene.add(pool(**spec))
    await scene.reconcile(reconcile, MAIL)
    return scene


async def test_decisions_are_told_with_the_time_at_which_they_were_made() -> None:
    scene = await scene_of(replicas=3)
    answer = await tell_decisions(scene.server.objects[MAIL], scene.context)
    assert answer["mode"] == "Auto"
    (told,) = answer["decisions"]
    assert (told["to"], told["reason"], told["message"]) == (3, "Replicas", "spec.replicas is 3.")
    age = scene.context.now() - datetime.fromisoformat(told["time"])
    assert 0 <= age.total_seconds() < 60


async def test_the_mode_is_told_because_it_may_keep_decisions_from_being_carried_out() -> None:
    scene = await scene_of(autoscale={"maxReplicas": 3, "mode": "Recommend"})
    assert (await tell_decisions(scene.server.objects[MAIL], scene.context))["mode"] == "Recommend"
