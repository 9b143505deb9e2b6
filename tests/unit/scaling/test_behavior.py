"""How fast a size changes: the rules of a HorizontalPodAutoscaler, worked out by hand from its documentation.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
"""

from dataclasses import replace

import pytest

from taskfleet.api import WorkerPool
from taskfleet.scaling.behavior import Policy, Rules
from taskfleet.scaling.load import Limits, PodState
from taskfleet.scaling.sizing import Cause
from tests.unit.objects import pool
from tests.unit.scaling.fleet import LIMITS, Fleet

FOUR_PODS = Policy(4, 15.0, words="4 pods per 15s")
DOUBLE = Policy(100, 15.0, percent=True, words="100% per 15s")
HALF = Policy(50, 60.0, percent=True, words="50% per 1m")
ONE = Policy(1, 60.0, words="1 pod per 1m")
AT_ONCE = replace(LIMITS, most=100, down=Rules())


def sizes(fleet: Fleet, seconds: int, *, every: int = 16) -> list[int]:
    """The size at the beginning and after each `every` seconds; a step is seen one look after it was made."""
    found = []
    for second in range(seconds + 1):
        fleet.tick(1.0)
        if second % every == 0:
            found.append(fleet.replicas)
    return found


def at(size: int, limits: Limits) -> Fleet:
    """A fleet that has run at a size for long, and has nothing to do."""
    fleet = Fleet(replace(limits, up=Rules(), down=Rules()), waiting=size)
    fleet.run(60)
    assert len(fleet.consuming()) == size
    fleet.limits, fleet.waiting = limits, 0
    return fleet


@pytest.mark.parametrize(
    ("up", "expected"),
    [
        pytest.param(Rules(), [41] * 4, id="one-step-by-default"),
        pytest.param(Rules(policies=(FOUR_PODS,)), [5, 9, 13, 17], id="four-pods"),
        pytest.param(Rules(policies=(DOUBLE,)), [2, 4, 8, 16], id="doubling"),
        pytest.param(Rules(policies=(FOUR_PODS, DOUBLE)), [5, 10, 20, 40], id="the-larger-step"),
        pytest.param(Rules(policies=(FOUR_PODS, DOUBLE), select="Min"), [2, 4, 8, 12], id="the-smaller-step"),
        pytest.param(Rules(policies=(FOUR_PODS,), select="Disabled"), [1] * 4, id="disabled"),
    ],
)
def test_growth(up: Rules, expected: list[int]) -> None:
    fleet = at(1, replace(AT_ONCE, up=up))
    fleet.waiting = 41
    assert sizes(fleet, 48) == expected


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        pytest.param(Rules(policies=(HALF,)), [5, 2, 1, 0], id="half"),
        pytest.param(Rules(policies=(ONE,)), [9, 8, 7, 6], id="one-pod"),
        pytest.param(Rules(policies=(ONE, HALF)), [5, 2, 1, 0], id="the-larger-step"),
        pytest.param(Rules(policies=(ONE, HALF), select="Min"), [9, 8, 7, 6], id="the-smaller-step"),
        pytest.param(Rules(select="Disabled"), [10] * 4, id="disabled"),
    ],
)
def test_shrinking(down: Rules, expected: list[int]) -> None:
    fleet = at(10, replace(AT_ONCE, down=down))
    found = []
    for _ in range(4):
        fleet.run(5)
        found.append(fleet.replicas)
        fleet.run(55)
    assert found == expected
    assert fleet.removed_busy == 0


def test_a_short_burst_within_the_window_of_scale_up_adds_no_pod() -> None:
    fleet = at(1, replace(AT_ONCE, up=Rules(60.0)))
    fleet.limits = replace(fleet.limits, least=1)
    fleet.run(60)
    fleet.waiting = 20
    fleet.run(50)
    assert fleet.replicas == 1
    assert fleet.verdict is not None
    assert fleet.verdict.cause is Cause.SCALE_UP_STABILIZED
    fleet.waiting = 0
    fleet.run(60)
    fleet.waiting = 20
    fleet.run(62)
    assert fleet.replicas == 20


def test_the_window_of_scale_up_ends_with_the_lowest_number_in_it() -> None:
    fleet = at(4, replace(AT_ONCE, up=Rules(60.0)))
    fleet.give(dict.fromkeys(fleet.consuming(), 1))
    fleet.run(60)
    fleet.waiting = 2
    fleet.run(40)
    fleet.waiting = 16
    fleet.run(25)
    assert fleet.replicas == 6, "six pods were needed all the time, twenty not"


def test_the_first_pod_of_a_pool_at_zero_starts_at_once() -> None:
    fleet = Fleet(replace(AT_ONCE, up=Rules(60.0, policies=(DOUBLE,))), waiting=5)
    fleet.run(1)
    assert fleet.replicas == 1


def test_limits_of_the_spec_come_before_behavior() -> None:
    fleet = at(4, replace(AT_ONCE, up=Rules(600.0, select="Disabled"), down=Rules(select="Disabled")))
    fleet.limits = replace(fleet.limits, least=6)
    fleet.run(1)
    assert fleet.replicas == 6
    fleet.limits = replace(fleet.limits, least=0, most=3)
    fleet.run(2)
    assert fleet.replicas == 3


def test_a_busy_pod_outlives_every_policy() -> None:
    fleet = at(6, replace(AT_ONCE, down=Rules(policies=(HALF,))))
    fleet.give(dict.fromkeys(fleet.consuming()[:2], 1))
    fleet.run(600)
    assert (fleet.replicas, fleet.removed_busy) == (2, 0)


def test_what_is_removed_within_a_period_may_come_back_within_it() -> None:
    """The size at the beginning of the period counts, whatever happened since."""
    fleet = at(10, replace(AT_ONCE, up=Rules(policies=(Policy(1, 120.0),))))
    fleet.run(5)
    assert fleet.replicas == 0
    fleet.waiting = 40
    fleet.run(5)
    assert fleet.replicas == 11


@pytest.mark.parametrize(
    ("up", "waiting", "expected"),
    [
        pytest.param(
            Rules(policies=(FOUR_PODS,)),
            9,
            "9 waiting + 0 running at 1 per pod: 9 pods; 5 for now, because behavior.scaleUp allows 4 pods per "
            "15s; the next step is possible in 15 s.",
            id="a-policy",
        ),
        pytest.param(
            Rules(60.0),
            9,
            "9 waiting + 0 running at 1 per pod: 9 pods; 1 for 60 s, because no more were needed at some time "
            "within the last 60 s.",
            id="a-window",
        ),
        pytest.param(
            Rules(select="Disabled"),
            9,
            "9 waiting + 0 running at 1 per pod: 9 pods; keeping 1, because behavior.scaleUp.selectPolicy is "
            "Disabled.",
            id="disabled",
        ),
    ],
)
def test_the_sentence_says_what_limits_the_size_and_until_when(
    up: Rules, waiting: int, expected: str
) -> None:
    fleet = at(1, replace(AT_ONCE, least=1, up=up))
    fleet.run(60)
    fleet.waiting = waiting
    fleet.tick()
    assert fleet.verdict is not None
    assert fleet.verdict.sentence == expected


def test_the_fields_are_read_as_they_are_written() -> None:
    behavior = {
        "scaleUp": {
            "stabilizationWindow": "1m",
            "selectPolicy": "Min",
            "policies": [{"type": "Percent", "value": 100, "period": "15s"}],
        },
        "scaleDown": {"policies": [{"type": "Pods", "value": 1, "period": "1m"}]},
    }
    limits = Limits.of(WorkerPool.parse(pool(autoscale={"maxReplicas": 9, "behavior": behavior})))
    assert limits.up == Rules(60.0, (DOUBLE,), "Min")
    assert limits.down == Rules(30.0, (ONE,), "Max")


def test_a_pool_without_behavior_grows_at_once_and_shrinks_after_thirty_seconds() -> None:
    limits = Limits.of(WorkerPool.parse(pool(autoscale={"maxReplicas": 9})))
    assert (limits.up, limits.down) == (Rules(), Rules(30.0))


def test_draining_pods_that_are_woken_count_as_growth() -> None:
    fleet = at(6, replace(AT_ONCE, up=Rules(policies=(ONE,))))
    fleet.give(dict.fromkeys(fleet.consuming(), 1))
    for name in fleet.consuming()[:4]:
        fleet.pods[name] = replace(fleet.pods[name], state=PodState.DRAINING)
    fleet.run(120)
    before = len(fleet.consuming())
    fleet.waiting = 20
    fleet.run(1)
    assert len(fleet.consuming()) == before + 1


def test_keepalive_is_the_window_in_celerys_word() -> None:
    limits = Limits.of(WorkerPool.parse(pool(autoscale={"maxReplicas": 3, "keepalive": "2m"})))
    assert limits.down.window == 120.0
