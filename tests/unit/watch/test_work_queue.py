"""What is handed out when, in virtual time."""

import asyncio
from itertools import pairwise

import pytest

from taskfleet.api import Key
from taskfleet.watch.work_queue import WorkQueue
from tests.tools.virtual_time import run, virtual_loop

A, B = Key("WorkerPool", "shop", "a"), Key("WorkerPool", "shop", "b")


async def next_within(queue: WorkQueue, seconds: float) -> Key | None:
    """The next key; None when there is none for so long."""
    try:
        async with asyncio.timeout(seconds):
            return await queue.get()
    except TimeoutError:
        return None


async def seconds_until_next(queue: WorkQueue) -> float:
    start = virtual_loop().time()
    await queue.get()
    return virtual_loop().time() - start


def test_key_that_changes_often_is_handed_out_once_and_first_come_first() -> None:
    async def story() -> None:
        queue = WorkQueue()
        for key in (B, A, B, A):
            queue.add(key)
        assert [await queue.get(), await queue.get()] == [B, A]
        assert await next_within(queue, 3600) is None

    run(story())


def test_key_that_changes_during_its_run_is_handed_out_again_after_it_and_not_before() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add(A)
        await queue.get()
        queue.add(A)
        queue.add(A)
        assert await next_within(queue, 3600) is None
        queue.done(A)
        assert await next_within(queue, 0.001) == A
        queue.done(A)
        assert await next_within(queue, 3600) is None

    run(story())


def test_waiting_takers_are_woken_one_for_each_key() -> None:
    async def story() -> None:
        queue = WorkQueue()
        takers = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(1)
        queue.add(A)
        queue.add(B)
        done, waiting = await asyncio.wait(takers, timeout=1)
        assert {taker.result() for taker in done} == {A, B}
        for taker in waiting:
            taker.cancel()

    run(story())


def test_taker_that_gives_up_takes_no_key_with_it() -> None:
    async def story() -> None:
        queue = WorkQueue()
        assert await next_within(queue, 1) is None
        taker = asyncio.create_task(queue.get())
        await asyncio.sleep(1)
        queue.add(A)
        taker.cancel()
        await asyncio.gather(taker, return_exceptions=True)
        assert await next_within(queue, 1) == A

    run(story())


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        pytest.param([5.0], 5.0, id="one"),
        pytest.param([5.0, 9.0], 5.0, id="a-later-one-is-dropped"),
        pytest.param([9.0, 5.0], 5.0, id="an-earlier-one-wins"),
        pytest.param([0.0], 0.0, id="now"),
    ],
)
def test_appointment_is_kept_once(wishes: list[float], expected: float) -> None:
    async def story() -> None:
        queue = WorkQueue()
        for seconds in wishes:
            queue.add_after(A, seconds)
        assert await seconds_until_next(queue) == expected
        queue.done(A)
        assert await next_within(queue, 3600) is None

    run(story())


def test_appointment_wakes_a_taker_that_waits_for_a_later_one() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add_after(A, 60)
        taker = asyncio.create_task(seconds_until_next(queue))
        await asyncio.sleep(1)
        queue.add_after(B, 1)
        assert await taker == 2

    run(story())


def test_change_replaces_the_appointment() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add_after(A, 60)
        queue.add(A)
        assert await next_within(queue, 0.001) == A
        queue.done(A)
        assert await next_within(queue, 3600) is None

    run(story())


def test_appointment_that_comes_due_during_a_run_waits_for_its_end() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add(A)
        await queue.get()
        queue.add_after(A, 1)
        assert await next_within(queue, 5) is None
        queue.done(A)
        assert await next_within(queue, 0.001) == A

    run(story())


def test_failures_back_off_to_a_minute_and_a_success_forgets_them() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add(A)
        waits = []
        for _ in range(14):
            waits.append(await seconds_until_next(queue))
            queue.retry(A)
        assert waits[0] == 0
        assert 0.16 <= waits[1] <= 0.24
        assert all(later > 1.3 * earlier for earlier, later in pairwise(waits[1:9]))
        assert 48 <= waits[-1] <= 72
        await queue.get()
        queue.done(A)
        queue.add(A)
        await queue.get()
        queue.retry(A)
        assert await seconds_until_next(queue) < 0.3

    run(story())


def test_change_during_a_failing_run_is_looked_at_without_a_wait() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add(A)
        await queue.get()
        queue.add(A)
        queue.retry(A)
        assert await seconds_until_next(queue) == 0
        queue.done(A)
        assert await next_within(queue, 3600) is None

    run(story())


def test_length_counts_what_waits_and_what_runs() -> None:
    async def story() -> None:
        queue = WorkQueue()
        queue.add(A)
        queue.add(B)
        await queue.get()
        assert len(queue) == 2
        queue.done(A)
        assert len(queue) == 1

    run(story())


def test_namespaces_take_turns() -> None:
    async def story() -> list[str]:
        queue = WorkQueue()
        for number in range(100):
            queue.add(Key("WorkerPool", "busy", f"pool-{number}"))
        queue.add(Key("WorkerPool", "quiet", "one"))
        return [(await queue.get()).namespace for _ in range(3)]

    assert run(story()) == ["busy", "quiet", "busy"]


def test_no_namespace_has_all_who_work() -> None:
    async def story() -> None:
        queue = WorkQueue(most_of_one_namespace=2)
        for number in range(5):
            queue.add(Key("Broker", "slow", f"broker-{number}"))
        first, _ = await queue.get(), await queue.get()
        waiter = asyncio.create_task(queue.get())
        await asyncio.sleep(10)
        assert not waiter.done()
        queue.add(Key("Broker", "shop", "default"))
        assert (await waiter).namespace == "shop"
        queue.done(first)
        assert (await queue.get()).namespace == "slow"

    run(story())
