"""The size of a pool over time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits, PodLoad, PodState, PoolLoad
from taskfleet.scaling.sizing import Cause, decide, remember
from tests.unit.scaling.fleet import LIMITS, Fleet


def test_zero_to_forty_is_one_step() -> None:
    fleet = Fleet(replace(LIMITS, most=40), waiting=40)
    assert fleet.tick().replicas == 40


def test_pods_that_start_are_not_asked_for_again() -> None:
    fleet = Fleet(waiting=5, keep_starting=True)
    fleet.run(20)
    assert fleet.replicas == 5


def test_idle_pods_stay_for_the_keepalive_and_go_after_it() -> None:
    fleet = Fleet(waiting=4)
    fleet.run(2)
    fleet.waiting = 0
    fleet.run(29)
    assert fleet.replicas == 4
    fleet.run(4)
    assert fleet.replicas == 0
    assert fleet.removed_busy == 0


def test_a_trickle_after_a_burst_shrinks_the_fleet() -> None:
    fleet = Fleet(waiting=10)
    fleet.run(2)
    fleet.waiting = 0
    for _ in range(70):
        fleet.give({fleet.consuming()[0]: 1} if fleet.consuming() else {})
        fleet.received_at = fleet.now
        fleet.run(1)
    assert fleet.replicas == 1


def test_flapping_load_keeps_the_larger_size() -> None:
    fleet = Fleet()
    sizes = set()
    for second in range(120):
        fleet.waiting = 6 if second % 20 < 2 else 0
        fleet.run(1)
        if second > 5:
            sizes.add(fleet.replicas)
    assert sizes == {6}


def test_a_busy_pod_outlives_every_shrink() -> None:
    fleet = Fleet(waiting=5)
    fleet.run(2)
    fleet.waiting = 0
    busy = fleet.consuming()[2]
    fleet.give({busy: 1})
    fleet.run(120)
    assert fleet.consuming() == [busy]
    assert fleet.removed_busy == 0


def test_one_stale_pod_among_forty_stays_and_the_others_go() -> None:
    fleet = Fleet(replace(LIMITS, most=40), waiting=40)
    fleet.run(2)
    fleet.waiting = 0
    stale = fleet.consuming()[17]
    fleet.pods[stale] = replace(fleet.pods[stale], stale=True)
    fleet.run(60)
    assert fleet.consuming() == [stale]


def test_pending_pods_go_when_the_load_is_gone() -> None:
    fleet = Fleet(replace(LIMITS, most=40), waiting=20)
    fleet.run(1)
    fleet.keep_starting = True
    fleet.waiting = 40
    fleet.run(2)
    assert fleet.replicas == 40
    assert len(fleet.consuming()) == 20
    fleet.waiting = 0
    fleet.run(60)
    assert fleet.replicas == 0
    assert fleet.removed_busy == 0


def test_a_draining_pod_is_woken_before_one_is_added() -> None:
    fleet = Fleet(waiting=3)
    fleet.run(2)
    fleet.waiting = 0
    fleet.give(dict.fromkeys(fleet.consuming(), 1))
    draining = fleet.consuming()[0]
    fleet.pods[draining] = replace(fleet.pods[draining], state=PodState.DRAINING)
    fleet.waiting = 1
    step = fleet.tick()
    assert step.resume == (draining,)
    assert step.replicas == 3


def test_nothing_changes_while_the_broker_is_away() -> None:
    fleet = Fleet(waiting=4)
    fleet.run(2)
    fleet.broker_reachable = False
    fleet.run(300)
    assert fleet.replicas == 4
    assert fleet.verdict is not None
    assert fleet.verdict.cause is Cause.BROKER_UNREACHABLE


def test_a_rollout_lets_the_fleet_grow_and_not_shrink() -> None:
    fleet = Fleet(waiting=4)
    fleet.run(2)
    fleet.rolling = True
    fleet.waiting = 0
    fleet.run(90)
    assert fleet.replicas == 4
    fleet.waiting = 7
    fleet.run(1)
    assert fleet.replicas == 7
    fleet.rolling, fleet.waiting = False, 0
    fleet.run(60)
    assert fleet.replicas == 0


def test_a_crash_looping_image_is_not_multiplied() -> None:
    fleet = Fleet(waiting=3, keep_starting=True)
    fleet.tick()
    fleet.cannot_start = "ImagePullBackOff"
    fleet.waiting = 10
    fleet.run(60)
    assert fleet.replicas == 3
    assert fleet.verdict is not None
    assert "ImagePullBackOff" in fleet.verdict.sentence


def test_a_quota_that_refuses_pods_raises_no_number_and_holds_up_no_shrink() -> None:
    fleet = Fleet(waiting=8, quota=3)
    fleet.run(60)
    assert (fleet.replicas, len(fleet.consuming())) == (8, 3)
    fleet.waiting = 0
    fleet.give({fleet.consuming()[1]: 1})
    fleet.run(60)
    assert (fleet.replicas, len(fleet.consuming())) == (1, 1)
    assert fleet.removed_busy == 0


def test_a_bad_rollout_is_not_fed_and_shrinks_when_its_deadline_has_passed() -> None:
    fleet = Fleet(waiting=4)
    fleet.run(2)
    fleet.rolling, fleet.keep_starting, fleet.cannot_start = True, True, "Error: exit code 1"
    fleet.waiting = 9
    fleet.run(60)
    assert fleet.replicas == 4
    fleet.waiting = 0
    fleet.run(60)
    assert fleet.replicas == 4
    fleet.rolling = False
    fleet.run(60)
    assert fleet.replicas == 0
    assert fleet.removed_busy == 0


def test_eta_tasks_by_the_thousand_keep_one_pod() -> None:
    fleet = Fleet(held_back=5000)
    fleet.run(60)
    assert fleet.replicas == 1


def test_a_backlog_of_ten_million_asks_for_the_maximum() -> None:
    fleet = Fleet(waiting=10_000_000)
    assert fleet.tick().replicas == 10
    assert fleet.verdict is not None
    assert fleet.verdict.sentence.endswith("limited by maxReplicas 10.")


@pytest.mark.parametrize(
    ("least", "most", "waiting", "expected"),
    [
        pytest.param(3, 3, 100, 3, id="minimum-is-maximum-under-load"),
        pytest.param(3, 3, 0, 3, id="minimum-is-maximum-with-nothing-to-do"),
        pytest.param(0, 0, 9, 0, id="a-maximum-of-zero"),
    ],
)
def test_limits_that_leave_no_choice(least: int, most: int, waiting: int, expected: int) -> None:
    fleet = Fleet(replace(LIMITS, least=least, most=most), waiting=waiting)
    fleet.run(90)
    assert fleet.replicas == expected


def test_zero_needs_two_readings_with_nothing_waiting() -> None:
    limits = replace(LIMITS, down=Rules(0.0))
    drained = PodLoad("a", PodState.DRAINED, marked=True, removable=True)
    fleet = Fleet(limits, replicas=1, pods={"a": drained}, memory=remember(0, 0.0))
    assert fleet.tick().replicas == 1
    assert fleet.tick().replicas == 0


def test_the_last_pod_waits_a_keepalive_for_the_next_task() -> None:
    limits = replace(LIMITS, down=Rules(10.0))
    pod = PodLoad("a", PodState.CONSUMING)
    load = PoolLoad(limits, replicas=1, pods=(pod,), received_at=95.0)
    verdict, memory = decide(load, remember(0, 80.0), now=100.0)
    assert (verdict.pods, verdict.cause) == (1, Cause.SCALE_DOWN_STABILIZED)
    verdict, _ = decide(load, memory, now=105.0)
    assert verdict.pods == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"waiting": 100, "service_time": 3.0}, 10, id="a-slot-serves-several-tasks-within-the-wait"
        ),
        pytest.param({"waiting": 100}, 100, id="an-unknown-service-time-asks-for-a-slot-a-task"),
        pytest.param(
            {"waiting": 0, "service_time": 2.0, "arrival_rate": 4.0}, 8, id="slots-keep-up-with-arrivals"
        ),
        pytest.param({"waiting": 10, "service_time": 60.0}, 10, id="never-more-slots-than-tasks"),
    ],
)
def test_target_wait(changes: dict[str, Any], expected: int) -> None:
    limits = Limits(capacity=1, least=0, most=1000, down=Rules(0), target_wait=30.0)
    load = replace(PoolLoad(limits, replicas=0), **changes)
    verdict, _ = decide(load, remember(0, 0.0), now=1.0)
    assert verdict.pods == expected


def test_the_sentence_holds_the_sum() -> None:
    pod = PodLoad("a", PodState.CONSUMING, active=4)
    load = PoolLoad(Limits(capacity=4, least=0, most=2, down=Rules(30)), replicas=1, pods=(pod,), waiting=8)
    verdict, _ = decide(load, remember(1, 0.0), now=1.0)
    assert verdict.sentence == "8 waiting + 4 running at 4 per pod: 3 pods; limited by maxReplicas 2."


pods = st.builds(
    PodLoad,
    name=st.uuids().map(str),
    state=st.sampled_from(PodState),
    active=st.integers(0, 8),
    prefetched=st.integers(0, 8),
    stale=st.booleans(),
    marked=st.booleans(),
    owed=st.booleans(),
).map(
    lambda pod: replace(
        pod,
        removable=pod.marked and pod.state in (PodState.DRAINED, PodState.STARTING),
        owed=pod.owed and pod.marked,
    )
)


@given(st.lists(pods, max_size=12), st.integers(0, 40), st.integers(0, 15), st.floats(0, 100))
def test_whatever_is_seen_no_pod_with_work_is_removed_and_the_limits_hold(
    seen: list[PodLoad], waiting: int, replicas: int, now: float
) -> None:
    fleet = Fleet(LIMITS, waiting=waiting, now=now, pods={pod.name: pod for pod in seen}, replicas=replicas)
    fleet.replicas = max(replicas, len(seen))
    step = fleet.tick()
    assert fleet.removed_busy == 0
    assert not {pod.name for pod in seen if pod.stale and pod.state is PodState.CONSUMING} & set(step.drain)
    removable_at_once = sum(pod.removable and pod.state is PodState.STARTING for pod in seen)
    owed = sum(pod.owed for pod in seen if pod.state is PodState.DRAINING)
    assert step.replicas <= max(LIMITS.most + owed, len(seen) - removable_at_once)


@given(st.integers(0, 30), st.integers(0, 12), st.integers(0, 5))
@settings(max_examples=50)
def test_with_no_load_the_size_reaches_the_minimum(waiting: int, pending: int, least: int) -> None:
    fleet = Fleet(replace(LIMITS, least=least, most=15), waiting=waiting)
    fleet.run(2)
    fleet.keep_starting, fleet.waiting = True, waiting + pending
    fleet.run(2)
    fleet.waiting = 0
    fleet.run(80)
    assert fleet.replicas == least


@given(st.integers(0, 30), st.integers(1, 8))
@settings(max_examples=50)
def test_a_constant_load_settles(waiting: int, capacity: int) -> None:
    fleet = Fleet(replace(LIMITS, capacity=capacity), waiting=waiting)
    fleet.run(45)
    size = fleet.replicas
    for _ in range(100):
        assert fleet.tick().replicas == size


@given(st.integers(0, 30))
def test_a_restarted_operator_keeps_the_size_and_grows_as_before(waiting: int) -> None:
    before = Fleet(waiting=5)
    before.run(10)
    after = Fleet(waiting=5, pods=dict(before.pods), replicas=before.replicas, now=before.now)
    after.memory = remember(before.replicas, before.now)
    before.waiting = after.waiting = waiting
    assert before.tick().replicas == after.tick().replicas
