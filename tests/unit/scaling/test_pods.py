"""What a pod counts as, by what the API server and its own report say."""

from typing import Any

import pytest

from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, Report
from taskfleet.scaling.load import PodState
from taskfleet.scaling.pods import DELETION_COST, FIRST_TO_GO, Lease, Look, ignoring_sigterm, pod_loads

NOW = 100.0


def pod(name: str = "p", *, ready: bool = True, marked: bool = False, **metadata: Any) -> dict[str, Any]:
    annotations = {DELETION_COST: FIRST_TO_GO} if marked else {}
    return {
        "metadata": {"name": name, "annotations": annotations, **metadata},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def known(at: float = NOW, **report: Any) -> LastReport:
    return LastReport(Report(**{"state": "ready", **report}), at, b"")


@pytest.mark.parametrize(
    ("the_pod", "report", "lease", "expected"),
    [
        pytest.param(pod(ready=False), None, None, PodState.STARTING, id="never-ready-and-silent"),
        pytest.param(pod(ready=False), known(), None, PodState.CONSUMING, id="consumes-before-it-is-ready"),
        pytest.param(pod(), None, None, PodState.CONSUMING, id="ready-and-silent"),
        pytest.param(pod(), known(), Lease(3, NOW), PodState.DRAINING, id="asked-and-not-answered"),
        pytest.param(
            pod(), known(state="drained", drain=2), Lease(3, NOW), PodState.DRAINING, id="obeys-an-old-lease"
        ),
        pytest.param(pod(), known(state="drained", drain=3), Lease(3, NOW), PodState.DRAINED, id="drained"),
        pytest.param(
            pod(),
            known(NOW - 6, state="drained", drain=3),
            Lease(3, NOW),
            PodState.DRAINING,
            id="drained-long-ago",
        ),
        pytest.param(
            pod(), known(state="drained", drain=7), None, PodState.DRAINED, id="lease-of-the-operator-before"
        ),
        pytest.param(pod(), known(state="stopping"), None, PodState.DRAINING, id="stops-by-itself"),
    ],
)
def test_state(
    the_pod: dict[str, Any], report: LastReport | None, lease: Lease | None, expected: PodState
) -> None:
    reports = {"p": report} if report else {}
    leases = {"p": lease} if lease else {}
    (load,) = pod_loads([the_pod], reports, leases, Look(NOW))
    assert load.state is expected


@pytest.mark.parametrize(
    ("ready", "marked", "expected"),
    [
        pytest.param(False, True, True, id="unready-and-marked"),
        pytest.param(True, True, False, id="still-ready-would-not-go-first"),
        pytest.param(False, False, False, id="not-marked-would-not-go-first"),
    ],
)
def test_a_drained_pod_is_removable_only_when_the_replicaset_would_choose_it(
    ready: bool, marked: bool, expected: bool
) -> None:
    reports = {"p": known(state="drained", drain=1)}
    (load,) = pod_loads([pod(ready=ready, marked=marked)], reports, {"p": Lease(1, NOW)}, Look(NOW))
    assert load.removable is expected


def test_a_silent_pod_counts_as_fully_busy() -> None:
    silent, fresh = pod_loads(
        [pod("a"), pod("b")], {"a": known(NOW - 11), "b": known(active=1)}, {}, Look(NOW)
    )
    assert (silent.tasks(4), fresh.tasks(4)) == (4, 1)


def test_pods_that_go_or_have_ended_do_not_count() -> None:
    ended = pod("e")
    ended["status"]["phase"] = "Failed"
    assert pod_loads([pod(deletionTimestamp="2026-01-01T00:00:00Z"), ended], {}, {}, Look(NOW)) == ()


def test_of_several_starts_of_a_pod_the_last_to_speak_counts() -> None:
    reports = {
        Incarnation("u", "p", "old"): known(90.0, active=4),
        Incarnation("u", "p", "new"): known(99.0, active=1),
        Incarnation("other", "p", "new"): known(99.5, active=9),
    }
    assert BrokerSnapshot(NOW, {}, reports).reports_of("u")["p"].report.active == 1


@pytest.mark.parametrize(
    ("the_pod", "report", "expected"),
    [
        pytest.param(pod(deletionTimestamp="x"), known(), ["p"], id="works"),
        pytest.param(pod(deletionTimestamp="x"), known(state="drained", drain=1), ["p"], id="drained"),
        pytest.param(pod(deletionTimestamp="x"), known(state="stopping"), [], id="stops"),
        pytest.param(pod(deletionTimestamp="x"), known(NOW - 60), [], id="silent"),
        pytest.param(pod(deletionTimestamp="x"), None, [], id="never-spoke"),
        pytest.param(pod(), known(), [], id="not-deleted"),
    ],
)
def test_a_deleted_pod_goes_on_until_it_says_otherwise(
    the_pod: dict[str, Any], report: LastReport | None, expected: list[str]
) -> None:
    assert ignoring_sigterm([the_pod], {"p": report} if report else {}, now=NOW) == expected


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_a_pod_that_starts_is_pending_as_the_api_server_says(phase: str) -> None:
    starting = pod(ready=False)
    starting["status"]["phase"] = phase
    (load,) = pod_loads([starting], {}, {}, Look(NOW))
    assert (load.pending, load.unready) == (phase == "Pending", True)


@pytest.mark.parametrize(
    ("started", "unready_since", "expected"),
    [
        pytest.param("2026-01-01T12:00:05Z", "2026-01-01T12:00:00Z", PodState.STARTING, id="never-ready"),
        pytest.param("2026-01-01T12:00:05Z", "2026-01-01T12:00:05Z", PodState.STARTING, id="in-one-second"),
        pytest.param("2026-01-01T12:00:05Z", "2026-01-01T12:30:00Z", PodState.CONSUMING, id="was-ready"),
        pytest.param("2026-01-01T12:31:00Z", "2026-01-01T12:30:00Z", PodState.STARTING, id="started-again"),
        pytest.param(None, "2026-01-01T12:30:00Z", PodState.STARTING, id="does-not-run"),
    ],
)
def test_a_silent_pod_that_lost_its_readiness_may_be_busy(
    started: str | None, unready_since: str, expected: PodState
) -> None:
    """As when Redis goes away: nothing is reported, and no worker is ready."""
    silent = pod(ready=False)
    silent["status"]["conditions"][0]["lastTransitionTime"] = unready_since
    state = {"running": {"startedAt": started}} if started else {"waiting": {}}
    silent["status"]["containerStatuses"] = [{"name": "worker", "state": state}]
    (load,) = pod_loads([silent], {}, {}, Look(NOW))
    assert load.state is expected
    assert load.stale == (expected is PodState.CONSUMING)
