import threading
from collections.abc import Callable

from taskfleet_worker.pool.waits import Waits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def waits(ended: Callable[[], None] = lambda: None) -> tuple[Waits, Clock]:
    clock = Clock()
    made = Waits(clock, ended)
    made.in_loop()
    return made, clock


def test_a_wait_has_its_innermost_name_and_the_age_of_the_outermost() -> None:
    seen, clock = waits()
    looks: list[str | None] = []

    def inner() -> None:
        clock.now += 4
        looks.append(seen.now(longer_than=5))
        clock.now += 1
        looks.append(seen.now(longer_than=5))

    stored = seen.counted(inner, "the result backend")

    def outer() -> None:
        clock.now += 1
        looks.append(seen.now())
        stored()

    seen.counted(outer, "the handler of a hard time limit")()
    assert looks == ["the handler of a hard time limit", "the result backend", "the result backend"]
    assert seen.now() is None


def test_the_loop_has_not_had_its_turn_when_a_wait_ends_by_an_error() -> None:
    turns: list[int] = []
    seen, _ = waits(ended=lambda: turns.append(1))

    def fails() -> None:
        raise OSError

    try:
        seen.counted(fails, "the result backend")()
    except OSError:
        turns.append(2)
    assert turns == [1, 2]
    assert seen.now() is None


def test_what_a_thread_of_the_pool_waits_for_does_not_count() -> None:
    seen, _ = waits()
    looks: list[str | None] = []
    thread = threading.Thread(target=seen.counted(lambda: looks.append(seen.now()), "the result backend"))
    thread.start()
    thread.join()
    assert looks == [None]
