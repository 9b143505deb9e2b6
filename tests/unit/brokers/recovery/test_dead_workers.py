"""Which quiet process starts count as dead."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.recovery.dead_workers import Dead, dead_workers, silent_nodes, suspects

NOW = 1000.0
WALL = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, NEW = Incarnation("u", "p", "old"), Incarnation("u", "p", "new")


def snapshot(**quiet_for: float) -> BrokerSnapshot:
    reports = {
        Incarnation("u", "p", name): LastReport(Report("ready"), NOW - quiet, b"")
        for name, quiet in quiet_for.items()
    }
    return BrokerSnapshot(NOW, {}, reports)


def pod(state: str, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "status": {"containerStatuses": [{"name": "worker", "state": {state: {}}, **more}]},
    }


def ready(holds: bool, **more: str) -> dict[str, str]:
    return {"type": "Ready", "status": str(holds), **more}


def containers_ready(holds: bool) -> dict[str, str]:
    return {"type": "ContainersReady", "status": str(holds)}


@pytest.mark.parametrize(
    ("quiet", "pods", "expected"),
    [
        pytest.param({"old": 2.0}, {}, [], id="speaks"),
        pytest.param({"old": 5.0}, {}, [Dead(OLD, certain=False)], id="unknown-pod-needs-a-look"),
        pytest.param({"old": 31.0}, {}, [], id="unknown-pod-whose-node-may-be-lost"),
        pytest.param(
            {"old": 121.0},
            {},
            [Dead(OLD, certain=False, lost=True)],
            id="unknown-pod-that-is-silent-for-long",
        ),
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
    assert dead_workers(snapshot(**quiet), pods, now=WALL) == expected


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
    known = LastReport(Report("ready", started_at=began), NOW - 5, b"")
    found = dead_workers(BrokerSnapshot(NOW, {}, {OLD: known}), {"p": restarted}, now=WALL)
    assert found == ([Dead(OLD, certain=True)] if dead else [])


CUT_OFF: dict[str, Any] = {"conditions": [ready(False), containers_ready(True)]}


@pytest.mark.parametrize(
    ("silent", "changes", "lost_nodes", "dead"),
    [
        pytest.param(121, {}, {"n2"}, True, id="lost-node"),
        pytest.param(121, {}, {"n1"}, False, id="another-node-is-lost"),
        pytest.param(119, {}, {"n2"}, False, id="lost-node-and-not-silent-for-long"),
        pytest.param(121, CUT_OFF, set(), True, id="taken-from-ready-by-the-node-controller"),
        pytest.param(119, CUT_OFF, set(), False, id="so-and-not-silent-for-long"),
        pytest.param(
            9999,
            {"conditions": [ready(False, reason="ContainersNotReady"), containers_ready(False)]},
            set(),
            False,
            id="a-busy-worker-fails-its-probe-for-hours",
        ),
        pytest.param(
            9999,
            {"conditions": [ready(False, reason="ReadinessGatesNotReady"), containers_ready(True)]},
            set(),
            False,
            id="a-readiness-gate",
        ),
        pytest.param(9999, {"conditions": [ready(True)]}, set(), False, id="silence-alone"),
        pytest.param(121, {"deletionTimestamp": "2026-01-01T11:58:59Z"}, set(), True, id="outlives-its-end"),
        pytest.param(121, {"deletionTimestamp": "2026-01-01T11:59:30Z"}, set(), False, id="just-ends"),
        pytest.param(121, {"deletionTimestamp": "2026-01-01T12:30:00Z"}, set(), False, id="may-work-on"),
    ],
)
def test_silence_and_a_lost_node_together_are_death(
    silent: float, changes: dict[str, Any], lost_nodes: set[str], dead: bool
) -> None:
    found = dead_workers(snapshot(old=silent), {"p": on_node(**changes)}, lost_nodes, now=WALL)
    assert found == ([Dead(OLD, certain=True, lost=True)] if dead else [])


def on_node(*, conditions: Any = (), **metadata: str) -> dict[str, Any]:
    bound = pod("running")
    status = {**bound["status"], "conditions": list(conditions)}
    return {"metadata": {"name": "p", **metadata}, "spec": {"nodeName": "n2"}, "status": status}


@pytest.mark.parametrize(
    ("silent", "held", "expected"),
    [(11.0, 1, {"n2"}), (9.0, 1, set()), (11.0, 0, set())],
    ids=["holds-in-silence", "was-heard", "holds-nothing"],
)
def test_a_node_is_asked_about_where_messages_are_held_in_silence(
    silent: float, held: int, expected: set[str]
) -> None:
    report = Report("ready", queues={"celery": QueueWork(held=held)})
    seen = BrokerSnapshot(NOW, {}, {OLD: LastReport(report, NOW - silent, b"")})
    assert silent_nodes(seen, {"p": on_node()}) == expected


def test_nothing_is_suspect_while_everybody_speaks() -> None:
    assert not suspects(snapshot(old=2.0))
    assert suspects(snapshot(old=4.0))
