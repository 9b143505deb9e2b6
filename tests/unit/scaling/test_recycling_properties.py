"""Whatever pods do meanwhile, all old ones are replaced, and the pool works on as if none was."""

from hypothesis import given, settings
from hypothesis import strategies as st

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits
from tests.unit.scaling.world import Pool, World

CALM_SECONDS, RECYCLED_WITHIN_SECONDS = 60, 600


def at_work(seed: int, size: int, capacity: int, surges: bool) -> World:
    """A pool of a fixed size, each of its pods up."""
    limits = Limits(capacity, least=size, most=size, down=Rules(30.0))
    world = World([Pool("a", ("low",), limits, surges=surges)], seed=seed)
    for _ in range(CALM_SECONDS):
        world.live(1.0, ends=1.0)
        world.tick()
    assert fetching(world) == size
    return world


def fetching(world: World) -> int:
    return sum(pod.fetches for pod in world.pools[0].pods.values())


@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 4),
    surges=st.booleans(),
    restarts=st.sets(st.integers(0, 60), max_size=3),
    ends=st.sampled_from([0.2, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_all_old_pods_are_replaced_and_the_pool_keeps_its_pods(
    seed: int, size: int, surges: bool, restarts: set[int], ends: float
) -> None:
    world = at_work(seed, size, 2, surges)
    (pool,) = world.pools
    for pod in pool.pods.values():
        pod.old = True
    most_away = 0 if surges else 1
    for second in range(RECYCLED_WITHIN_SECONDS):
        if pool.replicas == len(pool.pods) == size and not any(pod.old for pod in pool.pods.values()):
            break
        if second in restarts:
            world.restart_operator()
        world.queues["low"] = max(world.queues["low"], size)
        world.live(1.0, ends=ends)
        world.tick()
        assert world.wrongly_removed == []
        assert fetching(world) >= size - most_away
        assert len(pool.pods) <= size + 1
    assert not [pod.name for pod in pool.pods.values() if pod.old]
    assert (pool.counted, pool.replicas) == ([], size)


@given(seed=st.integers(0, 10_000), surges=st.booleans())
@settings(max_examples=5, deadline=None)
def test_an_old_pod_whose_task_never_ends_is_never_taken(seed: int, surges: bool) -> None:
    world = at_work(seed, 2, 1, surges)
    (pool,) = world.pools
    world.queues["low"] = 2
    world.live(1.0, ends=0.0)
    for pod in pool.pods.values():
        pod.old = True
    busy = {pod.name for pod in pool.pods.values() if pod.active}
    for _ in range(100):
        world.live(1.0, ends=0.0)
        world.tick()
    assert busy <= pool.pods.keys()
    assert world.wrongly_removed == []
