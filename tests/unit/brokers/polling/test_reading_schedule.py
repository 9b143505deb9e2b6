"""When a broker is read: at once after a wake-up, at a bounded rate while it is busy, seldom at rest."""

import pytest

from taskfleet.brokers.polling.reading_schedule import Pace, ReadingSchedule

SMALL = Pace(pause=0.1, reports_pause=0.1)
LARGE = Pace(pause=0.5, reports_pause=2.0)


def readings(
    pace: Pace, *, seconds: float, woken: bool = False, at_rest: bool = False, schedule: ReadingSchedule
) -> list[tuple[float, bool]]:
    """When it reads from 0 on, and whether with reports, if it is always or never woken. A reading takes no time."""
    now, done = 0.0, []
    while (now := max(now, schedule.due(pace, now, woken=woken, at_rest=at_rest))) < seconds:
        with_reports = schedule.with_reports(pace, now, at_rest=at_rest)
        schedule.read(pace, began=now, ended=now, woken=woken, with_reports=with_reports)
        done.append((now, with_reports))
    return done


@pytest.mark.parametrize(("pace", "expected"), [(SMALL, 100), (LARGE, 20)], ids=["small", "large"])
@pytest.mark.parametrize("woken", [False, True], ids=["busy", "flooded"])
def test_wake_ups_without_end_lead_to_as_many_readings_as_a_busy_broker(
    pace: Pace, expected: int, *, woken: bool
) -> None:
    found = readings(pace, seconds=10.0, woken=woken, schedule=ReadingSchedule())
    assert len(found) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("pace", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("at_rest", [False, True], ids=["busy", "at-rest"])
def test_a_wake_up_right_after_a_reading_does_not_wait(pace: Pace, *, at_rest: bool) -> None:
    schedule = ReadingSchedule()
    last = readings(pace, seconds=10.0, at_rest=at_rest, schedule=schedule)[-1][0]
    assert schedule.due(pace, last + 0.001, woken=True, at_rest=at_rest) <= last + 0.001


def test_a_broker_at_rest_is_read_once_a_second_and_thousands_of_reports_every_five() -> None:
    found = readings(LARGE, seconds=10.0, at_rest=True, schedule=ReadingSchedule())
    assert [at for at, _ in found] == pytest.approx(list(range(10)))
    assert [at for at, with_reports in found if with_reports] == pytest.approx([0.0, 5.0])


def test_a_broker_at_rest_is_read_when_something_is_due_but_not_more_often_than_a_busy_one() -> None:
    schedule = ReadingSchedule()
    last = readings(SMALL, seconds=10.0, at_rest=True, schedule=schedule)[-1][0]
    due = [
        schedule.due(SMALL, last, woken=False, at_rest=True, wanted_at=last + at) for at in (0.0, 0.5, 5.0)
    ]
    assert due == pytest.approx([last + 0.1, last + 0.5, last + 1.0])


def test_reports_that_cost_little_are_read_each_time() -> None:
    found = readings(SMALL, seconds=3.0, at_rest=True, schedule=ReadingSchedule())
    assert [with_reports for _, with_reports in found] == [True] * 3


def test_a_wake_up_among_thousands_of_reports_asks_for_queues_first_and_soon_for_reports() -> None:
    schedule = ReadingSchedule()
    readings(LARGE, seconds=9.0, at_rest=True, schedule=schedule)
    assert not schedule.with_reports(LARGE, 9.5, at_rest=True)
    schedule.read(LARGE, began=9.5, ended=9.5, woken=True, with_reports=False)
    assert schedule.due(LARGE, 9.5, woken=False, at_rest=True) <= 10.0
    assert schedule.with_reports(LARGE, 10.0, at_rest=True)


def test_a_reading_that_takes_long_is_followed_by_a_pause() -> None:
    schedule = ReadingSchedule()
    schedule.read(SMALL, began=0.0, ended=3.0, woken=False, with_reports=True)
    assert schedule.due(SMALL, 3.0, woken=False, at_rest=False) == pytest.approx(3.1)
