"""Where planned times are Celery's own, and where they differ: docs/reference/schedules.md tells users."""

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from taskfleet_worker.beat.timings import timing
from tests.runtime.worker import ROOT

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
SINCE = (5, 7)  # older versions have other mistakes

Celery = Callable[[list[dict[str, Any]]], list[list[str]]]


@pytest.fixture(scope="session")
def celery(python: Path) -> Celery:
    """When Celery's beat would run each of some schedules."""

    def ask(cases: list[dict[str, Any]]) -> list[list[str]]:
        result = subprocess.run(
            [python, "-m", "tests.runtime.celery_schedules"],
            input=json.dumps(cases), capture_output=True, text=True, timeout=120, check=True, cwd=ROOT,
        )  # fmt: skip
        said = json.loads(result.stdout)
        if tuple(map(int, said["celery"].split(".")[:2])) < SINCE:
            pytest.skip(f"Celery {said['celery']} is older")
        found: list[list[str]] = said["runs"]
        return found

    return ask


def ours(schedule: dict[str, Any], zone: str, start: str, end: str) -> list[str]:
    first, last = (datetime.fromisoformat(text).timestamp() for text in (start, end))
    found = (
        datetime.fromtimestamp(moment, ZoneInfo(zone)) for moment in timing(schedule).between(first, last)
    )
    return [moment.isoformat(timespec="minutes") for moment in found]


@pytest.mark.parametrize(
    ("cron", "zone", "span", "expected", "of_celery"),
    [
        pytest.param(
            "30 2 * * *", BERLIN, ("2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00"),
            ["2026-03-29T03:00+02:00"], ["2026-03-29T03:30+02:00"],
            id="gap-fixed-time-celery-keeps-the-minute",
        ),
        pytest.param(
            "*/30 * * * *", BERLIN, ("2026-10-25T01:45+02:00", "2026-10-25T03:00+01:00"),
            ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00",
             "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00"],
            ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00"],
            id="repeated-hour-celery-loses-the-second-one",
        ),
        pytest.param(
            "0 0 13 * fri", "UTC", ("2026-02-01T00:30+00:00", "2026-02-14T00:00+00:00"),
            ["2026-02-06T00:00+00:00", "2026-02-13T00:00+00:00"], ["2026-02-13T00:00+00:00"],
            id="day-and-weekday-celery-wants-both",
        ),
        pytest.param(
            "15 1 * * *", NEW_YORK, ("2026-10-31T12:00-04:00", "2026-11-02T12:00-05:00"),
            ["2026-11-01T01:15-04:00", "2026-11-02T01:15-05:00"], None,
            id="repeated-hour-fixed-time-is-the-same",
        ),
        pytest.param(
            "0 * * * *", NEW_YORK, ("2026-03-08T00:30-05:00", "2026-03-08T04:00-04:00"),
            ["2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00", "2026-03-08T04:00-04:00"], None,
            id="gap-every-hour-is-the-same",
        ),
        pytest.param(
            "*/15 8-9 * * 1-5", "UTC", ("2026-02-06T09:20+00:00", "2026-02-09T08:20+00:00"),
            ["2026-02-06T09:30+00:00", "2026-02-06T09:45+00:00", "2026-02-09T08:00+00:00", "2026-02-09T08:15+00:00"], None,
            id="working-hours-are-the-same",
        ),
    ],
)  # fmt: skip
def test_cron_beside_celerys_crontab(
    celery: Celery,
    *,
    cron: str,
    zone: str,
    span: tuple[str, str],
    expected: list[str],
    of_celery: list[str] | None,
) -> None:
    assert ours({"cron": cron, "timeZone": zone}, zone, *span) == expected
    case = {"cron": cron, "zone": zone, "start": span[0], "end": span[1], "step": 60}
    assert celery([case]) == [expected if of_celery is None else of_celery]


def test_the_sun_is_where_celery_sees_it(celery: Celery) -> None:
    span = ("2026-03-01T00:00+00:00", "2026-03-03T00:00+00:00")
    events = ["dawn_astronomical", "dawn_nautical", "dawn_civil", "sunrise", "solar_noon", "sunset", "dusk_civil",
              "dusk_nautical", "dusk_astronomical"]  # fmt: skip
    places = [{"solar": event, "latitude": 48.1, "longitude": 11.6} for event in events]
    found = celery(
        [{**place, "zone": "UTC", "start": span[0], "end": span[1], "step": 60} for place in places]
    )
    for place, theirs in zip(places, found, strict=True):
        # Both to the minute; Celery is asked once a minute, so it may be one later.
        pairs = zip(theirs, ours(place, "UTC", *span), strict=True)
        late = [datetime.fromisoformat(one) - datetime.fromisoformat(other) for one, other in pairs]
        assert len(late) == 2
        assert {gap.total_seconds() for gap in late} <= {0, 60}, place


def test_weekday_7_is_sunday_here_and_an_error_in_celery(celery: Celery) -> None:
    span = ("2026-02-01T10:00+00:00", "2026-02-08T10:00+00:00")
    assert ours({"cron": "0 9 * * 7", "timeZone": "UTC"}, "UTC", *span) == ["2026-02-08T09:00+00:00"]
    with pytest.raises(subprocess.CalledProcessError):
        celery([{"cron": "0 9 * * 7", "zone": "UTC", "start": span[0], "end": span[1], "step": 60}])
