"""Planned times against a table that was checked by hand with a calendar, and as a pure function of the timing."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskfleet_worker.beat.plan import PlanError, Timing
from taskfleet_worker.beat.timings import timing

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
YEAR = (1767225600.0, 1798761600.0)  # 2026 in UTC


def cron(expression: str, zone: str = "UTC") -> Timing:
    return timing({"cron": expression, "timeZone": zone})


def following(planned: Timing, after: str, zone: str, number: int) -> list[str]:
    """The next planned times, in local time with its offset."""
    found, moment = [], datetime.fromisoformat(after).timestamp()
    for _ in range(number):
        moment = planned.next_after(moment) or 0.0
        found.append(datetime.fromtimestamp(moment, ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        pytest.param(
            "30 2 * * *", BERLIN, "2026-03-28T00:00+01:00",
            ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
            id="berlin-gap-fixed-time-runs-at-the-first-instant-after-it",
        ),
        pytest.param(
            "0,30 2,3 * * *", BERLIN, "2026-03-28T12:00+01:00",
            ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00", "2026-03-30T02:00+02:00"],
            id="berlin-gap-fixed-times-that-meet-run-once",
        ),
        pytest.param(
            "0 * * * *", BERLIN, "2026-03-29T00:30+01:00",
            ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"],
            id="berlin-gap-every-hour-is-every-elapsed-hour",
        ),
        pytest.param(
            "30 2 * * *", BERLIN, "2026-10-24T00:00+02:00",
            ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
            id="berlin-repeated-hour-fixed-time-runs-once",
        ),
        pytest.param(
            "30 2 * * *", BERLIN, "2026-10-25T02:10+01:00", ["2026-10-26T02:30+01:00"],
            id="berlin-repeated-hour-its-second-coming-has-no-fixed-time",
        ),
        pytest.param(
            "*/30 * * * *", BERLIN, "2026-10-25T01:30+02:00",
            ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00",
             "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00"],
            id="berlin-repeated-hour-every-half-hour-is-elapsed-time",
        ),
        pytest.param(
            "0,30 2 * * sun", NEW_YORK, "2026-03-01T00:00-05:00",
            ["2026-03-01T02:00-05:00", "2026-03-01T02:30-05:00", "2026-03-08T03:00-04:00",
             "2026-03-15T02:00-04:00"],
            id="new-york-gap-two-fixed-times-run-once",
        ),
        pytest.param(
            "15 1 * * *", NEW_YORK, "2026-10-31T00:00-04:00",
            ["2026-10-31T01:15-04:00", "2026-11-01T01:15-04:00", "2026-11-02T01:15-05:00"],
            id="new-york-repeated-hour-fixed-time-runs-once",
        ),
        pytest.param(
            "20 * * * *", NEW_YORK, "2026-11-01T00:30-04:00",
            ["2026-11-01T01:20-04:00", "2026-11-01T01:20-05:00", "2026-11-01T02:20-05:00"],
            id="new-york-repeated-hour-every-hour-is-elapsed-time",
        ),
        pytest.param(
            "15 2 * * *", LORD_HOWE, "2026-10-03T00:00+10:30",
            ["2026-10-03T02:15+10:30", "2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
            id="lord-howe-gap-of-half-an-hour",
        ),
        pytest.param(
            "45 1 * * *", LORD_HOWE, "2026-04-04T00:00+11:00",
            ["2026-04-04T01:45+11:00", "2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"],
            id="lord-howe-repeated-half-hour-fixed-time-runs-once",
        ),
        pytest.param(
            "*/15 * * * *", LORD_HOWE, "2026-04-05T01:20+11:00",
            ["2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:30+10:30",
             "2026-04-05T01:45+10:30", "2026-04-05T02:00+10:30"],
            id="lord-howe-repeated-half-hour-is-elapsed-time",
        ),
        pytest.param(
            "0 0 13 * fri", "UTC", "2026-02-01T00:00+00:00",
            ["2026-02-06T00:00+00:00", "2026-02-13T00:00+00:00", "2026-02-20T00:00+00:00",
             "2026-02-27T00:00+00:00", "2026-03-06T00:00+00:00", "2026-03-13T00:00+00:00"],
            id="day-of-month-or-weekday",
        ),
        pytest.param(
            "0 0 */2 * mon", "UTC", "2026-02-01T00:00+00:00",
            ["2026-02-09T00:00+00:00", "2026-02-23T00:00+00:00"],
            id="a-star-with-a-step-is-a-star-so-both-must-hold",
        ),
        pytest.param(
            "0 12 31 * *", "UTC", "2026-01-01T00:00+00:00",
            ["2026-01-31T12:00+00:00", "2026-03-31T12:00+00:00", "2026-05-31T12:00+00:00"],
            id="months-without-the-day-are-left-out",
        ),
        pytest.param("0 0 29 2 *", "UTC", "2026-01-01T00:00+00:00", ["2028-02-29T00:00+00:00"], id="leap-day"),
        pytest.param(
            "0 9 * * 7", "UTC", "2026-02-01T10:00+00:00", ["2026-02-08T09:00+00:00"], id="weekday-7-is-sunday"
        ),
        pytest.param(
            "@daily", BERLIN, "2026-03-28T12:00+01:00",
            ["2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"], id="a-macro-is-in-the-time-zone",
        ),
        pytest.param("@hourly", "UTC", "2026-01-01T10:59+00:00", ["2026-01-01T11:00+00:00"], id="hourly"),
        pytest.param("@weekly", "UTC", "2026-02-02T00:00+00:00", ["2026-02-08T00:00+00:00"], id="weekly-is-sunday"),
        pytest.param("@monthly", "UTC", "2026-02-02T00:00+00:00", ["2026-03-01T00:00+00:00"], id="monthly"),
        pytest.param("@yearly", "UTC", "2026-02-02T00:00+00:00", ["2027-01-01T00:00+00:00"], id="yearly"),
    ],
)  # fmt: skip
def test_cron_times_are_those_of_the_calendar(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    assert following(cron(expression, zone), after, zone, len(expected)) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param({"cron": "30 2 * * *", "timeZone": BERLIN}, 365, id="daily-in-berlin"),
        pytest.param({"cron": "30 2 * * *", "timeZone": NEW_YORK}, 365, id="daily-in-new-york"),
        pytest.param({"cron": "15 2 * * *", "timeZone": LORD_HOWE}, 365, id="daily-in-lord-howe"),
        pytest.param({"cron": "0 * * * *", "timeZone": BERLIN}, 8760, id="hourly-in-berlin"),
        pytest.param({"cron": "*/5 * * * *", "timeZone": NEW_YORK}, 105_120, id="five-minutes-in-new-york"),
        pytest.param({"cron": "0 9 * * 1-5", "timeZone": "UTC"}, 261, id="working-days"),
        pytest.param({"cron": "0 0 31 * *", "timeZone": "UTC"}, 7, id="months-of-31-days"),
        # 52 Fridays and 12 thirteenths, of which February's, March's and November's are Fridays.
        pytest.param({"cron": "0 0 13 * 5", "timeZone": "UTC"}, 52 + 12 - 3, id="fridays-and-thirteenths"),
        pytest.param({"every": 90, "anchor": YEAR[0] - 90}, 350_400, id="interval"),
        pytest.param(
            {"every": 7 * 86400, "anchor": YEAR[0] - 86400}, 52, id="weeks-from-7-january-to-30-december"
        ),
        pytest.param({"solar": "sunset", "latitude": 52.5, "longitude": 13.4}, 365, id="sunset"),
        pytest.param(
            {"solar": "solar_noon", "latitude": -33.9, "longitude": 151.2}, 365, id="noon-in-sydney"
        ),
        pytest.param({"clocked": YEAR[0] + 1.5}, 1, id="clocked"),
        pytest.param({"clocked": YEAR[1] + 1}, 0, id="clocked-later"),
    ],
)
def test_a_year_has_as_many_runs_as_the_calendar_says(schedule: dict[str, object], expected: int) -> None:
    planned = timing(schedule)
    # Midnight at its beginning belongs to a year, midnight at its end does not.
    assert planned.count(YEAR[0] - 1, YEAR[1] - 1) == expected


@pytest.mark.parametrize(
    ("event", "place", "day", "expected"),
    [
        # From published almanacs, to the minute.
        pytest.param("sunrise", (51.48, 0.0), "2026-06-21", "03:43", id="greenwich-midsummer-sunrise"),
        pytest.param("sunset", (51.48, 0.0), "2026-06-21", "20:21", id="greenwich-midsummer-sunset"),
        pytest.param("sunrise", (51.48, 0.0), "2026-12-21", "08:04", id="greenwich-midwinter-sunrise"),
        pytest.param("solar_noon", (51.48, 0.0), "2026-04-15", "12:00", id="greenwich-noon-without-equation-of-time"),
    ],
)  # fmt: skip
def test_the_sun_is_where_almanacs_say(
    event: str, place: tuple[float, float], day: str, expected: str
) -> None:
    planned = timing({"solar": event, "latitude": place[0], "longitude": place[1]})
    midnight = datetime.fromisoformat(f"{day}T00:00+00:00")
    told = datetime.fromisoformat(f"{day}T{expected}+00:00")
    moment = planned.next_after(midnight.timestamp())
    assert moment is not None
    assert abs(moment - told.timestamp()) <= timedelta(minutes=1).total_seconds()


def test_the_polar_night_has_no_sunrise() -> None:
    longyearbyen = timing({"solar": "sunrise", "latitude": 78.2, "longitude": 15.6})
    november = datetime.fromisoformat("2026-11-01T00:00+00:00").timestamp()
    moment = longyearbyen.next_after(november)
    assert moment is not None
    assert datetime.fromtimestamp(moment).strftime("%m") == "02"


def test_an_interval_is_counted_from_its_anchor_which_is_no_run() -> None:
    planned = timing({"every": 60, "anchor": 1000})
    assert list(planned.between(0, 1130)) == [1060, 1120]


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        pytest.param(
            {"cron": "61 * * * *", "timeZone": "UTC"},
            'spec.schedule "61 * * * *" is not valid: bad minute.', id="minute-61",
        ),
        pytest.param(
            {"cron": "0 0 31 2 *", "timeZone": "UTC"},
            'spec.schedule "0 0 31 2 *" is not valid: bad day-of-month.', id="a-day-that-never-comes",
        ),
        pytest.param(
            {"cron": "* * * * * *", "timeZone": "UTC"},
            'spec.schedule "* * * * * *" is not a valid cron schedule: use five fields, such '
            "as 30 6 * * 1-5.",
            id="six-fields",
        ),
        pytest.param(
            {"cron": "* * * * *", "timeZone": "Mars/Base"},
            'spec.timeZone "Mars/Base" is not known: use an IANA time zone, such as '
            "Europe/Berlin.", id="zone",
        ),
        pytest.param({"every": 0, "anchor": 0}, "spec.interval is 0 s: use more than 0.", id="interval-0"),
        pytest.param(
            {"solar": "moonrise", "latitude": 0, "longitude": 0},
            "spec.solar.event 'moonrise' is not known: use one of dawn_astronomical, dawn_nautical, dawn_civil,"
            " sunrise, solar_noon, sunset, dusk_civil, dusk_nautical, dusk_astronomical.",
            id="solar-event",
        ),
        pytest.param(
            {"lunar": 1}, "beat does not support a schedule of lunar: use images of the same release.", id="unknown-type"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_told_in_a_sentence(schedule: dict[str, object], sentence: str) -> None:
    with pytest.raises(PlanError) as told:
        timing(schedule)
    assert str(told.value) == sentence


MOMENTS = st.one_of(
    st.floats(YEAR[0], YEAR[1]),
    # Near the changes of the clocks in the three zones, where mistakes are made.
    st.builds(
        lambda day, seconds: datetime.fromisoformat(f"{day}T12:00+00:00").timestamp() + seconds,
        st.sampled_from(["2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2026-04-04", "2026-10-03"]),
        st.integers(0, 86400),
    ),
)
EXPRESSIONS = ["* * * * *", "*/20 * * * *", "7 * * * *", "30 2 * * *", "0,30 1-3 * * *", "*/15 2 * * *",
               "0 */2 * * *", "0 0 * * *", "0 0 13 * 5", "59 23 31 12 *"]  # fmt: skip
TIMINGS = st.one_of(
    st.builds(cron, st.sampled_from(EXPRESSIONS), st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, "UTC", "America/Havana"])),
    st.builds(lambda every, anchor: timing({"every": every, "anchor": anchor}), st.integers(60, 10**6), MOMENTS),
    st.builds(lambda at: timing({"clocked": at}), MOMENTS),
    st.builds(
        lambda event, lat, lon: timing({"solar": event, "latitude": lat, "longitude": lon}),
        st.sampled_from(["sunrise", "sunset", "solar_noon", "dusk_civil"]), st.floats(-80, 80), st.floats(-180, 180),
    ),
)  # fmt: skip


# No deadline: up to 6,000 times are counted four ways, and a machine may be busy.
@settings(deadline=None)
@given(planned=TIMINGS, start=MOMENTS, spans=st.tuples(st.floats(0, 2e5), st.floats(0, 2e5)))
def test_planned_times_do_not_depend_on_who_asks_when(
    planned: Timing, start: float, spans: tuple[float, float]
) -> None:
    middle, end = start + spans[0], start + sum(spans)
    whole = list(planned.between(start, end))
    assert whole == [*planned.between(start, middle), *planned.between(middle, end)]
    assert whole == sorted(set(whole))
    assert planned.count(start, end) == len(whole)
    assert planned.latest(start, end) == (whole[-1] if whole else None)
    assert planned.next_after(start) == (whole[0] if whole else planned.next_after(end))
