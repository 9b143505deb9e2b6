"""What becomes of a reconciliation's outcome, in virtual time."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from taskfleet import metrics
from taskfleet.api import Key
from taskfleet.kube.errors import ApiError, ConflictError, LeaseLostError
from taskfleet.watch.processor import Processor
from taskfleet.watch.work_queue import WorkQueue
from tests.tools.virtual_time import run, virtual_loop

A, B = Key("WorkerPool", "shop", "a"), Key("Broker", "shop", "b")


class Scene:
    """A leader whose reconciler notes when it was called, and does as the test says."""

    def __init__(self, behave: Callable[[Key], float | None] = lambda _: None) -> None:
        self.queue = WorkQueue()
        self.behave = behave
        self.calls: list[tuple[str, float]] = []
        self.running: set[Key] = set()
        self.hold = asyncio.Event()
        self.hold.set()
        self.processor = Processor(self.queue, {"WorkerPool": self._reconcile, "Broker": self._reconcile})

    async def _reconcile(self, key: Key) -> float | None:
        assert key not in self.running, "the same key twice at once"
        self.running.add(key)
        self.calls.append((key.name, round(virtual_loop().time(), 3)))
        try:
            await self.hold.wait()
            return self.behave(key)
        finally:
            self.running.discard(key)

    async def lead(self, *keys: Key, seconds: float = 1000) -> None:
        task = asyncio.create_task(self.processor.lead(list(keys)))
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class FailingOnce:
    """Raises at the first call."""

    def __init__(self, error: Exception) -> None:
        self._errors = [error]

    def __call__(self, _: Key) -> None:
        if self._errors:
            raise self._errors.pop()


def test_looking_at_many_objects_leaves_the_loop_to_others() -> None:
    async def story() -> None:
        scene = Scene()
        calls_at_each_round: list[int] = []

        async def something_else() -> None:
            while len(scene.calls) < 100:
                calls_at_each_round.append(len(scene.calls))
                await asyncio.sleep(0)

        keys = [Key("WorkerPool", "shop", f"pool-{number}") for number in range(100)]
        other = asyncio.create_task(something_else())
        await scene.lead(*keys, seconds=1)
        await other
        assert max(after - before for before, after in pairwise(calls_at_each_round)) == 1

    run(story())


def test_leader_looks_at_every_object_once() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.lead(A, B)
        assert scene.calls == [("a", 0), ("b", 0)]

    run(story())


def test_key_is_looked_at_again_when_it_asked_for_it() -> None:
    async def story() -> None:
        scene = Scene(lambda _: 30.0)
        await scene.lead(A, seconds=70)
        assert scene.calls == [("a", 0), ("a", 30), ("a", 60)]

    run(story())


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConflictError(409, "Conflict", "changed"), id="conflict"),
        pytest.param(ApiError(500, "InternalError", "down"), id="refused"),
        pytest.param(LeaseLostError(), id="lapse-of-the-lease"),
        pytest.param(KeyError("bug"), id="bug"),
    ],
)
def test_failed_reconciliation_is_tried_again_in_a_moment(error: Exception) -> None:
    async def story() -> None:
        scene = Scene(FailingOnce(error))
        await scene.lead(A)
        assert [name for name, _ in scene.calls] == ["a", "a"]
        assert 0 < scene.calls[1][1] < 1

    run(story())


def test_key_that_fails_holds_up_no_other() -> None:
    async def story() -> None:
        scene = Scene(FailingOnce(KeyError("bug")))
        await scene.lead(A, B)
        assert ("b", 0) in scene.calls

    run(story())


def test_slow_key_holds_up_no_other_and_runs_once_at_a_time() -> None:
    async def story() -> None:
        scene = Scene()
        scene.hold.clear()
        loop = virtual_loop()
        loop.call_later(1, scene.queue.add, A)
        loop.call_later(2, scene.queue.add, B)
        loop.call_later(5, scene.hold.set)
        await scene.lead(A)
        assert scene.calls == [("a", 0), ("b", 2), ("a", 5)]

    run(story())


def test_key_whose_run_was_cut_off_is_looked_at_in_the_next_term() -> None:
    async def story() -> None:
        scene = Scene()
        scene.hold.clear()
        await scene.lead(A, seconds=1)
        scene.hold.set()
        await scene.lead(seconds=1)
        assert scene.calls == [("a", 0), ("a", 1)]

    run(story())


def test_first_look_is_told_when_the_last_object_has_had_its_turn() -> None:
    async def story() -> None:
        scene = Scene()
        scene.hold.clear()
        task = asyncio.create_task(scene.processor.lead([A, B]))
        await asyncio.sleep(3)
        assert metrics.INITIAL_SYNC_SECONDS._value.get() == 0
        scene.hold.set()
        await asyncio.sleep(1)
        assert metrics.INITIAL_SYNC_SECONDS._value.get() > 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(story())


def test_a_failure_that_lasts_is_told() -> None:
    async def story() -> tuple[int, list[str]]:
        queue, told, calls = WorkQueue(), list[str](), 0

        async def fail(_: Key) -> float | None:
            nonlocal calls
            calls += 1
            raise ApiError(500, "InternalError", "a webhook is down")

        async def tell(key: Key, error: Exception) -> None:
            told.append(f"{key.name} {error}")
            raise RuntimeError("the status cannot be written either")

        processor = Processor(queue, {"WorkerPool": fail}, tell)
        task = asyncio.create_task(processor.lead([A]))
        await asyncio.sleep(5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return calls, told

    calls, told = run(story())
    assert calls > 3
    assert told == ["a 500 InternalError: a webhook is down"] * (calls - 2)
