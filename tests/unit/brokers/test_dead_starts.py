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
        Start("u", "p", name): Known(Report(1, "ready"), NOW - quiet, b"")
        for name, quiet in quiet_for.items()
    }
    return Observation(NOW, {}, reports)


def pod(state: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "status": {"containerStatuses": [{"name": "worker", "state": {state: {}}}]},
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


def test_nothing_is_suspect_while_everybody_speaks() -> None:
    assert not suspects(observation(old=2.0))
    assert suspects(observation(old=4.0))
