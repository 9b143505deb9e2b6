import pytest

from taskfleet.api import Key
from taskfleet.kube.write_budget import WriteBudget


def key(number: int) -> Key:
    return Key("WorkerPool", "shop", f"pool-{number}")


def budget(now: float = 1000.0) -> WriteBudget:
    """Ten a second without anything saved up."""
    fresh = WriteBudget(per_second=10, burst_seconds=0.1)
    assert fresh.wait(key(-1), urgent=True, now=now) == 0
    return fresh


def test_second_worth_of_writes_is_made_at_once_after_a_rest() -> None:
    fresh = WriteBudget(per_second=50)
    waits = [fresh.wait(key(number), urgent=True, now=1000.0) for number in range(60)]
    assert sum(wait == 0 for wait in waits) in (50, 51)


def test_each_of_a_crowd_waits_for_a_turn_of_its_own_and_comes_back_once() -> None:
    crowded = budget()
    waits = [crowded.wait(key(number), urgent=True, now=1000.0) for number in range(30)]
    assert [round(wait, 3) for wait in waits] == [round(0.1 * turn, 3) for turn in range(1, 31)]
    for number, wait in enumerate(waits):
        assert crowded.wait(key(number), urgent=True, now=1000.0 + wait + 1e-6) == 0


def test_key_that_comes_back_too_early_keeps_its_turn() -> None:
    crowded = budget()
    first = crowded.wait(key(1), urgent=True, now=1000.0)
    crowded.wait(key(2), urgent=True, now=1000.0)
    assert crowded.wait(key(1), urgent=True, now=1000.0 + first / 2) == pytest.approx(first / 2)


def test_urgent_write_waits_for_no_other_than_urgent_ones() -> None:
    crowded = budget()
    for number in range(100):
        crowded.wait(key(number), urgent=False, now=1000.0)
    assert crowded.wait(key(200), urgent=True, now=1000.0) <= 0.1 + 1e-6


def test_write_that_becomes_urgent_overtakes_the_others() -> None:
    crowded = budget()
    for number in range(100):
        crowded.wait(key(number), urgent=False, now=1000.0)
    assert crowded.wait(key(99), urgent=True, now=1000.0) <= 0.1 + 1e-6


def test_writes_that_can_wait_let_urgent_ones_pass_and_get_their_turn_after_them() -> None:
    crowded = budget()
    patient = crowded.wait(key(0), urgent=False, now=1000.0)
    for number in range(1, 11):
        crowded.wait(key(number), urgent=True, now=1000.0)
    later = crowded.wait(key(0), urgent=False, now=1000.0 + patient)
    assert 0 < later <= 1.1
    assert crowded.wait(key(0), urgent=False, now=1000.0 + patient + later + 1e-6) == 0


def test_whatever_comes_the_rate_is_held() -> None:
    held = WriteBudget(per_second=50)
    due = {key(number): (1000.0, number % 3 == 0) for number in range(600)}
    written: list[float] = []
    while due:
        one, (now, urgent) = min(due.items(), key=lambda item: item[1][0])
        wait = held.wait(one, urgent=urgent, now=now)
        if wait > 0:
            due[one] = (now + wait, urgent)
        else:
            written.append(now)
            del due[one]
    assert max(written) < 1000.0 + 600 / 50
    for start in written:
        assert sum(start <= at < start + 1.0 for at in written) <= 102, "50 a second, and 50 saved up"


def test_turn_that_is_not_needed_any_more_is_forgotten() -> None:
    crowded = budget()
    crowded.wait(key(1), urgent=True, now=1000.0)
    crowded.forget(key(1))
    assert crowded.wait(key(1), urgent=True, now=1000.15) > 0
