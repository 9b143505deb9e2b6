"""From a PeriodicSchedule to the entry that beat reads: what cannot be one, and from when on its runs count."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Object, PeriodicSchedule
from taskfleet.brokers.schedules.entry import schedule_entry, schedule_problem, seed
from tests.unit.objects import own

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def schedule(
    *, annotations: dict[str, str] | None = None, status: Object | None = None, **spec: Any
) -> PeriodicSchedule:
    meta: Object = {"creationTimestamp": "2026-01-01T00:00:00Z", "annotations": annotations or {}}
    kind = {} if {"schedule", "solar", "clocked"} & spec.keys() else {"interval": "30s"}
    return PeriodicSchedule.parse(
        own("PeriodicSchedule", "report", {"task": "shop.report", **kind, **spec}, status=status, **meta)
    )


def entry(before: Object | None = None, *, known: bool = False, **spec: Any) -> Object:
    return schedule_entry(schedule(**spec), before, known=known, now=NOW)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"schedule": "*/5 0-12/2 1,15 JAN-mar sun"}, id="names-and-steps"),
        pytest.param({"schedule": "@daily", "timeZone": "Europe/Berlin"}, id="alias-in-a-zone"),
        pytest.param({"schedule": "0 12 L * *"}, id="last-day"),
        pytest.param({"interval": "1s"}, id="interval"),
        pytest.param({"clocked": "2020-01-01T00:00:00Z"}, id="moment-of-the-past"),
        pytest.param({"solar": {"event": "sunset", "latitude": 78, "longitude": 15}}, id="sun"),
    ],
)
def test_what_can_be_planned_is_no_problem(spec: Object) -> None:
    assert schedule_problem(schedule(**spec).spec, now=NOW) is None


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param(
            {"schedule": "61 6 * * *"},
            "spec.schedule is '61 6 * * *', which is not valid: bad minute. Use minute (0-59), "
            "hour (0-23), day of month (1-31), month (1-12) and weekday (0-7), such as 30 6 * * "
            "1-5.",
            id="minute-61",
        ),
        pytest.param(
            {"schedule": "0 6 30 2 *"},
            "spec.schedule is '0 6 30 2 *', which is not valid: bad day-of-month. Use minute "
            "(0-59), hour (0-23), day of month (1-31), month (1-12) and weekday (0-7), such as "
            "30 6 * * 1-5.",
            id="thirtieth-of-february",
        ),
        pytest.param(
            {"schedule": "@daily", "timeZone": "Mars/Base"},
            "spec.timeZone is 'Mars/Base', which is not a known time zone. Use an IANA time "
            "zone, such as Europe/Berlin.",
            id="unknown-zone",
        ),
        pytest.param(
            {"interval": "0s"}, "spec.interval is 0s. Use at least 1s.", id="stored-before-the-rule"
        ),
        pytest.param(
            {"schedule": "@daily", "interval": "1s"},
            "Exactly one of schedule, interval, solar and clocked must be set in spec. Set one, "
            "and remove the others.",
            id="two-kinds",
        ),
    ],
)
def test_what_cannot_be_planned_is_told_in_a_sentence(spec: Object, sentence: str) -> None:
    assert schedule_problem(schedule(**spec).spec, now=NOW) == sentence


def test_an_entry_has_all_that_beat_needs() -> None:
    built = entry(
        schedule=" 30  6 * * 1-5 ", timeZone="Europe/Berlin", args=[None, 1, {"a": [2.5]}], kwargs={"k": None},
        queue="low", priority=3, expires="1m30s", headers={"h": 1}, startingDeadline="5m", catchUp="None",
        annotations={"taskfleet.dev/trigger": " token "},
    )  # fmt: skip
    assert built == {
        "v": 1,
        "name": "report",
        "task": "shop.report",
        "args": [None, 1, {"a": [2.5]}],
        "kwargs": {"k": None},
        "headers": {"h": 1},
        "queue": "low",
        "priority": 3,
        "expires": 90,
        "schedule": {"cron": "30 6 * * 1-5", "timeZone": "Europe/Berlin"},
        "since": CREATED.timestamp(),
        "suspend": False,
        "startingDeadline": 300,
        "catchUp": "None",
        "trigger": "token",
    }


@pytest.mark.parametrize(
    ("spec", "timing"),
    [
        pytest.param({"interval": "90s"}, {"every": 90, "anchor": CREATED.timestamp()}, id="interval"),
        pytest.param({"clocked": "2026-02-01T00:00:00Z"}, {"clocked": 1769904000.0}, id="clocked"),
        pytest.param(
            {"solar": {"event": "sunset", "latitude": 1, "longitude": 2}},
            {"solar": "sunset", "latitude": 1.0, "longitude": 2.0},
            id="solar",
        ),
        pytest.param({"schedule": "@hourly"}, {"cron": "0 * * * *", "timeZone": "UTC"}, id="alias"),
    ],
)
def test_timing_is_in_seconds_and_five_fields(spec: Object, timing: Object) -> None:
    assert entry(**spec)["schedule"] == timing


@pytest.mark.parametrize(
    ("before", "spec", "since"),
    [
        pytest.param({}, {"queue": "low"}, CREATED, id="kept-when-the-queue-changes"),
        pytest.param({}, {"suspend": True}, CREATED, id="kept-when-suspended"),
        pytest.param({}, {"interval": "1m"}, NOW, id="new-when-the-interval-changes"),
        pytest.param({"suspend": True}, {"suspend": True}, CREATED, id="kept-while-suspended"),
        pytest.param({"suspend": True}, {}, NOW, id="new-when-suspend-ends"),
    ],
)
def test_a_changed_timing_asks_for_no_run_of_the_past(before: Object, spec: Object, since: datetime) -> None:
    assert entry(entry(**before), **spec)["since"] == since.timestamp()


def test_an_entry_comes_back_after_it_was_stalled_without_the_runs_of_that_time() -> None:
    assert entry(None, known=True)["since"] == NOW.timestamp()
    assert entry(None, known=False)["since"] == CREATED.timestamp()


def test_a_redis_that_lost_its_data_goes_on_from_the_status() -> None:
    status = {
        "lastScheduleTime": "2026-01-01T11:00:00Z",
        "lastTaskId": "an-id",
        "totalRunCount": 7,
        "missedRunCount": 2,
        "lastTrigger": {"token": "t", "taskId": "another"},
    }
    moment = datetime(2026, 1, 1, 11, tzinfo=UTC).timestamp()
    assert seed(schedule(status=status)) == {
        "seed": True,
        "last": moment,
        "lastRun": moment,
        "lastTaskId": "an-id",
        "runs": 7,
        "missed": 2,
        "trigger": "t",
        "triggerTaskId": "another",
    }
    assert seed(schedule()) is None
