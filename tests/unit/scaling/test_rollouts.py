"""A rollout brings more pods than the Deployment's size: those must not be taken for the wanted size."""

from dataclasses import replace

import pytest

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.pods import rolling
from taskfleet.scaling.scale_plan import moves
from taskfleet.scaling.sizing import Cause, decide, remember
from tests.unit.scaling.fleet import LIMITS


def pool(
    *, consuming: int, draining: int = 0, busy: int = 0, replicas: int = 4, waiting: int = 0
) -> PoolLoad:
    pods = [PodLoad(f"c{at}", PodState.CONSUMING, active=int(at < busy)) for at in range(consuming)]
    pods += [PodLoad(f"d{at}", PodState.DRAINING, active=1) for at in range(draining)]
    return PoolLoad(LIMITS, replicas=replicas, pods=tuple(pods), waiting=waiting, rolling=True)


@pytest.mark.parametrize("surge", [1, 2, 4])
@pytest.mark.parametrize("busy", [0, 3, 4])
def test_surplus_pods_of_a_rollout_do_not_raise_the_size(surge: int, busy: int) -> None:
    load = pool(consuming=4 + surge, busy=busy)
    verdict, _ = decide(load, remember(4, 0.0), now=1.0)
    step = moves(load, verdict.pods, empty_readings=0)
    assert (verdict.pods, step.replicas, step.drain) == (4, 4, ())


def test_surplus_pods_are_not_drained_while_the_rollout_chooses_who_goes() -> None:
    load = pool(consuming=6, busy=6)
    verdict, _ = decide(replace(load, limits=replace(LIMITS, most=4)), remember(4, 0.0), now=1.0)
    step = moves(load, verdict.pods, empty_readings=0)
    assert (step.replicas, step.drain) == (4, ())


def test_a_rollout_grows_by_what_is_missing_beside_pods_that_drain() -> None:
    load = pool(consuming=3, draining=2, busy=3, replicas=5, waiting=5)
    verdict, _ = decide(load, remember(5, 0.0), now=1.0)
    step = moves(load, verdict.pods, empty_readings=0)
    assert verdict.pods == 8
    assert set(step.resume) == {"d0", "d1"}
    assert step.replicas == 8


def test_nothing_shrinks_in_a_rollout() -> None:
    load = pool(consuming=3, draining=1)
    verdict, _ = decide(load, remember(0, 0.0), now=100.0)
    assert (verdict.pods, verdict.cause) == (3, Cause.ROLLOUT)
    assert moves(load, verdict.pods, empty_readings=9).replicas == 4


@pytest.mark.parametrize("wanted", [4, 2, 0])
def test_a_size_that_the_user_fixed_drains_only_what_is_above_it(wanted: int) -> None:
    load = pool(consuming=6, busy=6)
    step = moves(load, wanted, empty_readings=0, forced=True)
    assert (step.replicas, len(step.drain)) == (4, 4 - wanted)


def test_a_pool_suspended_in_a_rollout_does_not_grow_by_its_draining_pods() -> None:
    load = pool(consuming=0, draining=6)
    assert moves(load, 0, empty_readings=0, forced=True).replicas == 4


def test_a_size_above_the_maximum_is_never_asked_for() -> None:
    pods = tuple(PodLoad(f"c{at}", PodState.CONSUMING, active=1) for at in range(12))
    # The rollout's deadline has passed, its surplus pods work.
    load = PoolLoad(LIMITS, replicas=10, pods=pods)
    verdict, _ = decide(load, remember(10, 0.0), now=1.0)
    assert moves(load, verdict.pods, empty_readings=0).replicas == 10


@pytest.mark.parametrize(
    ("updated", "reason", "expected"),
    [
        pytest.param(1, "ReplicaSetUpdated", True, id="under-way"),
        pytest.param(1, "ProgressDeadlineExceeded", False, id="its-deadline-has-passed"),
        pytest.param(4, "NewReplicaSetAvailable", False, id="done"),
    ],
)
def test_a_rollout_counts_until_its_end_or_its_deadline(updated: int, reason: str, expected: bool) -> None:
    progress = {"type": "Progressing", "status": "True", "reason": reason}
    status = {"replicas": 4, "updatedReplicas": updated, "conditions": [progress]}
    assert rolling({"status": status}) is expected
