"""Whose turn it is when an upgraded operator rolls pools one after another."""

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers.upgrade import may_roll, outdated, rolling
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
    ("pools", "deployments", "turn"),
    [
        pytest.param({"b": OLD, "a": OLD}, [DONE], "a", id="first-by-name"),
        pytest.param({"a": CURRENT, "b": OLD}, [DONE], "b", id="then-the-next"),
        pytest.param({"a": OLD}, [HALF_WAY], None, id="not-while-another-rolls"),
        pytest.param({"a": BROKEN, "b": OLD}, [DONE], "b", id="not-after-one-that-cannot-be-built"),
        pytest.param({"a": CURRENT}, [], None, id="nothing-left"),
    ],
)
def test_turn(pools: dict[str, Object], deployments: list[Object], turn: str | None) -> None:
    assert [name for name in pools if roll(name, pools, deployments)] == ([turn] if turn else [])


def test_nobody_overtakes_a_pool_whose_rollout_has_yet_to_show() -> None:
    pools = {"a": OLD, "b": OLD}
    assert [name for name in pools if roll(name, pools, [DONE], last="b")] == ["b"]
    assert [name for name in pools if roll(name, pools | {"b": CURRENT}, [DONE], last="b")] == ["a"]


def roll(name: str, pools: dict[str, Object], deployments: list[Object], *, last: str | None = None) -> bool:
    before = key(last) if last is not None else None
    stored = [pool(each, status=status) for each, status in pools.items()]
    return may_roll(key(name), stored, deployments, last=before)


def key(name: str) -> Key:
    return Key("WorkerPool", NAMESPACE, name)
