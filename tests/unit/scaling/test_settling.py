"""A load that does not change comes to rest at one size, and an operator that restarts does not disturb it."""

from copy import deepcopy
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits
from taskfleet.simulation.decisions import Taskfleet
from taskfleet.simulation.fleet import Fleet, PodShape, Workload
from tests.unit.scaling.world import Pool, World

LIMITS = Limits(capacity=1, least=0, most=8, down=Rules(30.0))
SETTLING_SECONDS, WATCHED_SECONDS = 120.0, 180.0


def world(seed: int, capacity: int, waiting: int) -> World:
    limits = replace(LIMITS, capacity=capacity)
    made = World([Pool("a", ("high", "low"), limits), Pool("b", ("low",), limits)], seed=seed)
    made.queues = {"high": waiting // 3, "low": waiting - waiting // 3}
    return made


def sizes(world: World, seconds: float) -> list[tuple[int, ...]]:
    """Sizes at each reading. Pods move on, tasks go on and on: the load does not change."""
    seen = []
    for _ in range(int(seconds)):
        world.live(1.0, ends=0.0)
        world.tick()
        seen.append(tuple(pool.replicas for pool in world.pools))
    return seen


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_running_and_waiting_tasks_that_stay_the_same_keep_two_pools_at_one_size(
    seed: int, capacity: int, waiting: int
) -> None:
    fleets = world(seed, capacity, waiting)
    sizes(fleets, SETTLING_SECONDS)
    assert len(set(sizes(fleets, 60))) == 1
    assert fleets.wrongly_removed == []


@given(
    every=st.sampled_from([0.2, 0.7, 1.0, 3.0]),
    takes=st.sampled_from([0.3, 1.0, 6.5, 20.0]),
    capacity=st.integers(1, 4),
    target_wait=st.sampled_from([None, 5.0, 60.0]),
)
@settings(max_examples=40, deadline=None)
def test_a_steady_stream_settles_at_one_size(
    every: float, takes: float, capacity: int, target_wait: float | None
) -> None:
    limits = replace(LIMITS, capacity=capacity, most=120, target_wait=target_wait)
    total = SETTLING_SECONDS + WATCHED_SECONDS
    arrives = [every * number for number in range(int(total / every))]
    fleet = Fleet(Workload(arrives, [takes] * len(arrives)), PodShape(capacity, 5.0, 60.0), random=Random(1))
    operator, seen = Taskfleet(limits), set()
    while operator.next_look < total:
        fleet.advance(operator.next_look)
        operator.tick(fleet)
        if fleet.now > SETTLING_SECONDS:
            seen.add(len(fleet.pods))
    assert len(seen) == 1
    assert len(fleet.waiting) <= 1


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_a_restart_changes_no_size_that_had_settled(seed: int, capacity: int, waiting: int) -> None:
    fleets = world(seed, capacity, waiting)
    settled = sizes(fleets, SETTLING_SECONDS)[-1]
    fleets.restart_operator()
    assert set(sizes(fleets, 60)) == {settled}


@given(st.integers(0, 10_000), st.integers(0, 40), st.integers(0, 20), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_restarted_operator_grows_as_the_one_before_and_shrinks_no_earlier(
    seed: int, lived: int, waiting: int, more: int
) -> None:
    before = world(seed, 2, waiting)
    for _ in range(lived):
        before.live(1.0, ends=0.2)
        before.tick()
    after = deepcopy(before)
    after.restart_operator()
    for fleets in (before, after):
        fleets.queues["high"] += more
        fleets.tick()
    for old, new in zip(before.pools, after.pools, strict=True):
        assert old.last is not None
        assert new.last is not None
        assert new.replicas >= old.replicas
        if old.last[2].replicas > old.last[0].replicas:
            # A drain that a pod has not told of yet is unknown to the successor, until the pod tells.
            told = tuple(name for name in old.last[2].resume if _tells_of_a_drain(old, name))
            assert new.last[2] == replace(old.last[2], resume=told)


@given(st.integers(0, 10_000), st.integers(0, 40), st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_once_they_have_settled_nothing_tells_a_restarted_operator_from_the_one_before(
    seed: int, lived: int, waiting: int
) -> None:
    """Until then the larger sizes of the first keepalive have their own consequences."""
    before = world(seed, 2, waiting)
    for _ in range(lived):
        before.live(1.0, ends=0.2)
        before.tick()
    after = deepcopy(before)
    after.restart_operator()
    assert sizes(before, SETTLING_SECONDS)[-1] == sizes(after, SETTLING_SECONDS)[-1]
    assert [pool.memory and pool.memory.peaks for pool in before.pools] == [
        pool.memory and pool.memory.peaks for pool in after.pools
    ]


def _tells_of_a_drain(pool: Pool, name: str) -> bool:
    said = pool.pods[name].said
    return said is not None and said.report.drain is not None
