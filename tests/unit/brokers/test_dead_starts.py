"""Which quiet process starts count as dead."""

from typing import Any

import pytest

from taskfleet.brokers.dead_starts import Dead, dead_starts, suspects
from taskfleet.brokers.observation import Known, Observation
from taskfleet.brokers.report import Report, Start

NOW = 100.0
OLD, NEW = Start("u", "p", "old"), Start("u", "p", "new")


def observation(**quiet_for: float) -> Observation:
    reports = {
        Start("u", "p", name): Known(Report("ready"), NOW - quiet, b"") for name, quiet in quiet_for.items()
    }
    return Observation(NOW, {}, reports)


def pod(state: str, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "status": {"containerStatuses": [{"name": "worker", "state": {state: {}}, **more}]},
    }


@pytest.mark.parametrize(
    ("quiet", "pods", "expected"),
    [
        pytest.param({"old": 2.0}, {}, [], id="speaks"),
        pytest.param({"old": 5.0}, {}, [Dead(OLD, certain=False)], id="unknown-pod-needs-a-look"),
        pytest.param({"old": 500.0}, {"p": pod("running")}, [], id="a-running-container-may-be-slow"),
        pytest.param({"old": 5.0}, {"p": pod("terminated")}, [Dead(OLD, certain=True)], id="container-ended"),
        pytest.param(
            {"old": 5.0}, {"p": pod("waiting")}, [Dead(OLD, certain=True)], id="container-waits-to-restart"
        ),
        pytest.param(
            {"old": 5.0, "new": 1.0},
            {"p": pod("running")},
            [Dead(OLD, certain=True)],
            id="a-newer-start-speaks",
        ),
        pytest.param({"old": 5.0, "new": 4.0}, {"p": pod("running")}, [], id="nobody-speaks"),
    ],
)
def test_dead_starts(quiet: dict[str, float], pods: dict[str, Any], expected: list[Dead]) -> None:
    assert dead_starts(observation(**quiet), pods) == expected


@pytest.mark.parametrize(
    ("began", "dead"),
    [
        pytest.param(1767225600.5, True, id="it-began-before-that-end"),
        pytest.param(1767225660.0, False, id="it-began-at-that-second"),
        pytest.param(1767225661.2, False, id="it-began-after-that-end"),
        pytest.param(None, False, id="a-runtime-that-does-not-tell"),
    ],
)
def test_a_start_ends_with_its_container_also_when_the_next_one_runs_already(
    began: float | None, dead: bool
) -> None:
    restarted = pod("running", lastState={"terminated": {"finishedAt": "2026-01-01T00:01:00Z"}})
    known = Known(Report("ready", started_at=began), NOW - 5, b"")
    found = dead_starts(Observation(NOW, {}, {OLD: known}), {"p": restarted})
    assert found == ([Dead(OLD, certain=True)] if dead else [])


def test_nothing_is_suspect_while_everybody_speaks() -> None:
    assert not suspects(observation(old=2.0))
    assert suspects(observation(old=4.0))
