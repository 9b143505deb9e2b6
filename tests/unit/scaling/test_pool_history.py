"""The last hour of a pool: what is kept, what is unknown, and how much memory it takes."""

from array import array
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from taskfleet.api import Key, Object
from taskfleet.scaling.pool_history import SAMPLES, SERIES, STEP_SECONDS, PoolHistory
from tests.unit.objects import NAMESPACE
from tests.unit.scaling.test_loop import BROKER, MAIL, Scene

NOW = datetime(2026, 1, 1, 12, 0, 7, tzinfo=UTC)


class Hour:
    """The history of a scene, by a clock that only `at` moves."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.now = 1000.0
        self.history = PoolHistory(scene.loop, scene.brokers, lambda: self.now)

    async def at(self, seconds: float) -> None:
        self.now = 1000.0 + seconds
        await self.history.sample()

    def told(self) -> Object:
        return self.history.of(MAIL, NOW)

    def last(self, name: str, count: int = 1) -> list[int | None]:
        samples: list[int | None] = self.told()["series"][name]
        assert len(samples) == SAMPLES
        return samples[-count:]


async def hour(**work: Any) -> Hour:
    scene = Scene()
    await scene.look(**work)
    return Hour(scene)


async def test_each_figure_is_kept_in_the_order_of_time() -> None:
    seen = await hour(waiting=4)
    await seen.at(0)
    await seen.scene.look(waiting=2)
    await seen.at(STEP_SECONDS)
    assert seen.last("waiting", 3) == [None, 4, 2]
    assert seen.last("desired", 2) == [4, 2]
    assert set(seen.told()["series"]) == set(SERIES)


async def test_the_time_of_the_newest_sample_is_told() -> None:
    seen = await hour(waiting=4)
    await seen.at(0)
    seen.now += 7.0
    assert seen.told()["end"] == "2026-01-01T11:59:50Z"


async def test_what_was_missed_is_unknown_and_not_an_hour_old() -> None:
    seen = await hour(waiting=4)
    for step in range(SAMPLES):
        await seen.at(step * STEP_SECONDS)
    assert seen.last("waiting", SAMPLES) == [4] * SAMPLES
    await seen.at((SAMPLES + 2) * STEP_SECONDS)
    assert seen.last("waiting", 4) == [4, None, None, 4]
    await seen.at(10 * SAMPLES * STEP_SECONDS)
    assert seen.last("waiting", SAMPLES) == [None] * (SAMPLES - 1) + [4]


async def test_a_broker_that_does_not_answer_leaves_a_gap_in_its_figures_only() -> None:
    seen = await hour(waiting=4)
    await seen.at(0)
    seen.scene.brokers.seen = None
    await seen.at(STEP_SECONDS)
    assert seen.last("waiting", 2) == [4, None]
    assert seen.last("desired", 2) == [4, 4]


async def test_failed_executions_are_counted() -> None:
    seen = await hour(waiting=4)
    await seen.at(0)
    seen.scene.brokers.outcomes.put(BROKER, MAIL, (), failed=3)
    await seen.at(STEP_SECONDS)
    assert seen.last("failed", 2) == [None, 3]


async def test_a_number_beyond_all_bounds_is_kept_as_the_largest() -> None:
    seen = await hour(waiting=4)
    full = seen.scene.brokers.seen
    assert full is not None
    seen.scene.brokers.seen = replace(full, waiting={"celery": (10**12, 0, 0, 0)})
    await seen.at(0)
    assert seen.last("waiting") == [2**32 - 2]


async def test_a_pool_that_is_gone_leaves_nothing() -> None:
    seen = await hour(waiting=4)
    await seen.at(0)
    seen.scene.loop.forget(MAIL)
    await seen.at(STEP_SECONDS)
    assert seen.told()["series"] == {}
    assert seen.history.of(Key("WorkerPool", NAMESPACE, "never"), NOW)["series"] == {}


async def test_a_thousand_pools_take_far_less_than_forty_megabytes() -> None:
    one = len(array("I", [0]) * (SAMPLES * len(SERIES))) * array("I").itemsize
    assert 1000 * one < 12 * 2**20
