"""Whose turn it is when an upgraded operator rolls pools one after another."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers.upgrade import outdated, rolling, take_turn
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, conditions, metadata, pool

OLD = conditions(UpToDate="False PodTemplateOutdated")
BROKEN = conditions(UpToDate="False PodTemplateOutdated", Stalled="True InvalidSpec")
CURRENT = conditions(UpToDate="True PodTemplateCurrent")


def deployment(*, generation: int = 2, **status: int) -> Object:
    return {
        "kind": "Deployment",
        "metadata": metadata("x-worker", generation=generation),
        "spec": {},
        "status": status,
    }


DONE = deployment(observedGeneration=2, replicas=3, updatedReplicas=3)
HALF_WAY = deployment(observedGeneration=2, replicas=4, updatedReplicas=2)


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(DONE, False, id="done"),
        pytest.param(HALF_WAY, True, id="half-way"),
        pytest.param(
            deployment(observedGeneration=1, replicas=3, updatedReplicas=3), True, id="not-seen-yet"
        ),
        pytest.param(deployment(observedGeneration=2), False, id="at-zero"),
        pytest.param(deployment(), True, id="new"),
    ],
)
def test_rolling(live: Object, expected: bool) -> None:
    assert rolling(live) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(None, False, id="not-looked-at"),
        pytest.param(CURRENT, False, id="current"),
        pytest.param(OLD, True, id="of-another-version"),
    ],
)
def test_outdated(status: Object | None, expected: bool) -> None:
    assert outdated(pool(status=status)) is expected


@pytest.mark.parametrize(
    ("policy", "pools", "deployments", "turn"),
    [
        pytest.param("Manual", {"a": OLD}, [DONE], None, id="never-by-itself"),
        pytest.param("OneAtATime", {"b": OLD, "a": OLD}, [DONE], "a", id="first-by-name"),
        pytest.param("OneAtATime", {"a": CURRENT, "b": OLD}, [DONE], "b", id="then-the-next"),
        pytest.param("OneAtATime", {"a": OLD}, [HALF_WAY], None, id="not-while-another-rolls"),
        pytest.param(
            "OneAtATime", {"a": BROKEN, "b": OLD}, [DONE], "b", id="not-after-one-that-cannot-be-built"
        ),
        pytest.param("OneAtATime", {"a": CURRENT}, [], None, id="nothing-left"),
    ],
)
def test_turn(policy: Any, pools: dict[str, Object], deployments: list[Object], turn: str | None) -> None:
    scene = Scene(upgrade_pools=policy)
    for name, status in pools.items():
        scene.add(pool(name, status=status))
    for live in deployments:
        scene.cache.put(live)
    allowed = [name for name in sorted(pools) if take_turn(Key("WorkerPool", NAMESPACE, name), scene.context)]
    assert allowed == ([turn] if turn else [])


def test_nobody_overtakes_a_pool_whose_rollout_has_yet_to_show() -> None:
    scene = Scene(upgrade_pools="OneAtATime")
    later, first = scene.add(pool("b", status=OLD)), Key("WorkerPool", NAMESPACE, "a")
    assert take_turn(later, scene.context)
    scene.add(pool("a", status=OLD))
    assert not take_turn(first, scene.context)
    scene.add(pool("b", status=CURRENT))
    assert take_turn(first, scene.context)
