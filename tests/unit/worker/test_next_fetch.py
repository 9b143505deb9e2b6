"""When a worker looks at its queues again, and how it makes way for others that wait for the same messages."""

import pytest

from taskfleet_worker.messages.next_fetch import LOOK_EVERY, NextFetch
from taskfleet_worker.messages.rivals import Rivals


def fetched(next_fetch: NextFetch, now: float, *, empty: bool, pushed: bool = False) -> float:
    """After one fetch: seconds until the next."""
    next_fetch.begins()
    if pushed:
        next_fetch.pushed(now)
    next_fetch.ended(now, empty=empty)
    return next_fetch.due_in(now)


def alone() -> NextFetch:
    return NextFetch(Rivals())


def test_a_fetch_that_brought_something_is_followed_at_once() -> None:
    assert fetched(alone(), 5, empty=False) == 0


def test_without_a_wake_up_it_looks_again_after_a_while() -> None:
    assert fetched(alone(), 5, empty=True) == LOOK_EVERY


def test_a_wake_up_is_followed_at_once_where_nobody_else_waits() -> None:
    next_fetch = alone()
    fetched(next_fetch, 5, empty=True)
    next_fetch.pushed(5.1)
    assert next_fetch.due_in(5.1) == 0


def test_a_wake_up_that_is_read_before_the_empty_reply_counts() -> None:
    assert fetched(alone(), 5, empty=True, pushed=True) == 0


def test_a_wake_up_before_the_fetch_was_sent_is_old_news() -> None:
    next_fetch = alone()
    next_fetch.pushed(4)
    assert fetched(next_fetch, 5, empty=True) == LOOK_EVERY


def test_a_fetch_that_was_given_up_is_followed_at_once() -> None:
    next_fetch = alone()
    fetched(next_fetch, 5, empty=True)
    next_fetch.begins()
    next_fetch.given_up()
    assert next_fetch.due_in(5) == 0


@pytest.mark.parametrize(
    ("in_time", "number"), [([True] * 20, 1), ([False, True] * 40, 2), ([False] * 200, 1000)]
)
def test_rivals_are_told_by_the_wake_ups_that_come_too_late(in_time: list[bool], number: float) -> None:
    rivals = Rivals()
    for won in in_time:
        rivals.woken(in_time=won)
    assert rivals.number == pytest.approx(number, rel=0.1)


def woken_too_late(times: int) -> tuple[NextFetch, Rivals]:
    rivals = Rivals(chance=lambda: 1.0)
    next_fetch = NextFetch(rivals)
    for _ in range(times):
        fetched(next_fetch, 0, empty=True)
        next_fetch.pushed(0)
        fetched(next_fetch, 0, empty=True)
    return next_fetch, rivals


def test_who_often_comes_too_late_pauses_and_never_for_longer_than_half_a_second() -> None:
    for times, least, most in [(0, 0, 0), (5, 0.0001, 0.01), (50, 0.5, 0.5)]:
        next_fetch, _ = woken_too_late(times)
        fetched(next_fetch, 10, empty=True)
        next_fetch.pushed(10)
        assert least <= next_fetch.due_in(10) <= most, times


def test_a_pause_is_drawn_once_for_all_wake_ups_of_it() -> None:
    next_fetch, _ = woken_too_late(50)
    fetched(next_fetch, 10, empty=True)
    next_fetch.pushed(10)
    next_fetch.pushed(10.4)
    assert next_fetch.due_in(10.4) == pytest.approx(0.1)


def test_looks_that_no_wake_up_caused_tell_nothing_of_rivals() -> None:
    rivals = Rivals()
    next_fetch = NextFetch(rivals)
    for now in range(100):
        fetched(next_fetch, now, empty=True)
    assert rivals.number == 1


def test_nobody_takes_all_and_many_take_little() -> None:
    _, few = woken_too_late(0)
    _, many = woken_too_late(50)
    assert few.share == 2
    assert many.share > 50
