"""`kubectl taskfleet schedules`, before an API server in memory."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.commands.ages import relative
from taskfleet.commands.schedules import schedules, times
from tests.tools.api_server import ApiServer
from tests.unit.objects import NAMESPACE, own

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def schedule(name: str, spec: Object, **status: Any) -> Object:
    return own("PeriodicSchedule", name, {"task": f"shop.{name}", **spec}, status=status)


@pytest.fixture
def server() -> ApiServer:
    server = ApiServer()
    server.put(schedule("over", {"clocked": "2029-01-01T00:00:00Z"}, totalRunCount=1))
    server.put(schedule("nightly", {"schedule": "0 3 * * *"}, nextScheduleTime="2030-01-02T03:00:00Z"))
    server.put(
        schedule(
            "often",
            {"interval": "30s"},
            nextScheduleTime="2030-01-01T12:00:20Z",
            lastScheduleTime="2030-01-01T11:55:00Z",
            totalRunCount=7,
            missedRunCount=2,
            conditions=[{"type": "Ready", "status": "True", "reason": "Scheduled", "message": "It runs."}],
        )
    )
    return server


async def test_the_next_to_run_comes_first_and_moments_are_relative(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await schedules(server.gateway(), NAMESPACE, now=NOW) == 0
    _, often, nightly, over = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    assert often == "shop often shop.often every 30s in 20s 5m ago 7 2 Scheduled"
    assert nightly == "shop nightly shop.nightly 0 3 * * * in 15h - 0 0 -"
    assert over == "shop over shop.over once, 2029-01-01T00:00:00Z - - 1 0 -"


async def test_data_has_the_moments_of_the_status(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await schedules(server.gateway(), NAMESPACE, form="json", now=NOW)
    first = json.loads(capsys.readouterr().out)["schedules"][0]
    assert (first["name"], first["next"]) == ("often", "2030-01-01T12:00:20Z")


async def test_names_can_be_passed_to_other_commands(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await schedules(server.gateway(), None, form="name", now=NOW)
    assert capsys.readouterr().out == "psched/often\npsched/nightly\npsched/over\n"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param({"schedule": "@daily"}, "@daily", id="cron"),
        pytest.param(
            {"solar": {"event": "sunset", "latitude": 52.5, "longitude": 13.4}},
            "sunset at 52.5,13.4",
            id="solar",
        ),
    ],
)
def test_every_kind_of_schedule_is_shown(spec: Object, text: str) -> None:
    assert times(spec) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0s ago", id="now"),
        pytest.param(119, "in 119s", id="seconds"),
        pytest.param(-120, "2m ago", id="minutes"),
        pytest.param(-7200, "2h ago", id="hours"),
        pytest.param(86400 * 3, "in 3d", id="days"),
    ],
)
def test_a_moment_is_shown_in_the_largest_unit_of_which_there_are_two(seconds: int, text: str) -> None:
    moment = NOW + timedelta(seconds=seconds)
    assert relative(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), NOW) == text
