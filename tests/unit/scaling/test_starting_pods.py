"""Pods that are on their way up when they are no longer wanted, and who a ReplicaSet would take in their place."""

import pytest

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.scale_plan import moves
from tests.unit.scaling.fleet import LIMITS

PENDING = PodLoad("pending", PodState.STARTING, pending=True, unready=True)
STARTS = PodLoad("starts", PodState.STARTING, unready=True)
WORKS = PodLoad("works", PodState.CONSUMING, active=1)
WORKS_UNREADY = PodLoad("unready", PodState.CONSUMING, active=1, unready=True)
LEAVES_UNREADY = PodLoad("leaves", PodState.DRAINING, active=1, unready=True)


@pytest.mark.parametrize(
    ("pods", "wanted", "expected"),
    [
        pytest.param([WORKS, STARTS, PENDING], 1, 1, id="both-go-beside-a-ready-pod"),
        pytest.param(
            [WORKS_UNREADY, STARTS, PENDING], 1, 2, id="only-the-pending-one-goes-before-an-unready-pod"
        ),
        pytest.param([LEAVES_UNREADY, STARTS, PENDING], 0, 2, id="the-same-for-one-that-drains"),
        pytest.param([WORKS_UNREADY, PENDING], 1, 1, id="pending-pods-always-go"),
        pytest.param([WORKS_UNREADY, STARTS], 4, 4, id="growing-is-not-held-up"),
    ],
)
def test_surplus_starting_pods_go_where_no_working_one_can_be_taken(
    pods: list[PodLoad], wanted: int, expected: int
) -> None:
    load = PoolLoad(LIMITS, replicas=len(pods), pods=tuple(pods))
    assert moves(load, wanted, empty_readings=0).replicas == expected


def test_pods_that_were_never_made_are_not_asked_for_any_longer() -> None:
    load = PoolLoad(LIMITS, replicas=9, pods=(WORKS_UNREADY, STARTS))
    assert moves(load, 1, empty_readings=0).replicas == 2
