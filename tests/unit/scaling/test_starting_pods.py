"""Pods that are on their way up when they are no longer wanted: they may begin to work at any moment."""

import time
from dataclasses import replace

import pytest

from taskfleet.api import Key, WorkerPool
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.pods import Lease, Look, is_settled, pod_loads
from taskfleet.scaling.pool import ScaledPool
from taskfleet.scaling.scale_plan import ScalePlan, moves
from tests.unit.objects import NAMESPACE
from tests.unit.objects import pool as pool_manifest
from tests.unit.scaling.fleet import LIMITS
from tests.unit.scaling.test_pods import NOW, known, pod

PENDING = PodLoad("pending", PodState.STARTING, pending=True)
STARTS = PodLoad("starts", PodState.STARTING)
WORKS = PodLoad("works", PodState.CONSUMING, active=1)
DRAINED = PodLoad("drained", PodState.DRAINED, asked=True, marked=True, removable=True)


def asked(pod: PodLoad) -> PodLoad:
    """Asked to drain before it has started, and not heard of since."""
    return replace(pod, asked=True, marked=True, removable=True)


def plan(
    *pods: PodLoad, wanted: int, replicas: int | None = None, cannot_start: str | None = None
) -> ScalePlan:
    size = len(pods) if replicas is None else replicas
    load = PoolLoad(LIMITS, replicas=size, pods=pods, cannot_start=cannot_start)
    return moves(load, wanted, empty_readings=0)


def test_surplus_pods_that_start_are_asked_to_drain_before_they_go() -> None:
    step = plan(WORKS, STARTS, PENDING, wanted=1)
    assert (step.replicas, set(step.drain), set(step.mark)) == (
        3,
        {"starts", "pending"},
        {"starts", "pending"},
    )
    assert plan(WORKS, asked(STARTS), asked(PENDING), wanted=1).replicas == 1


def test_of_pods_that_start_those_go_that_a_replica_set_deletes_first() -> None:
    assert plan(WORKS, PENDING, STARTS, wanted=2).drain == ("pending",)
    assert plan(WORKS, asked(PENDING), STARTS, wanted=2).replicas == 2


def test_pods_that_start_and_are_wanted_again_are_woken() -> None:
    step = plan(WORKS, asked(STARTS), wanted=2)
    assert step == ScalePlan(2, resume=("starts",), unmark=("starts",))


def test_pods_that_were_never_made_are_not_asked_for_any_longer() -> None:
    assert plan(WORKS, STARTS, wanted=1, replicas=9).replicas == 2


def test_growing_counts_the_pods_that_start() -> None:
    assert plan(WORKS, STARTS, wanted=4) == ScalePlan(4)
    assert plan(WORKS, STARTS, wanted=4, cannot_start="ImagePullBackOff") == ScalePlan(2)


@pytest.mark.parametrize("leaving", [DRAINED, asked(STARTS)], ids=["drained", "starting"])
def test_a_pod_that_a_replica_set_may_be_deleting_is_not_woken_but_replaced(leaving: PodLoad) -> None:
    step = plan(WORKS, replace(leaving, owed=True), wanted=2, replicas=1)
    assert step == ScalePlan(2, drain=(leaving.name,))


@pytest.mark.parametrize(
    ("lease", "removable"),
    [
        pytest.param(Lease(1, NOW - 1), True, id="no-report-asked-for-since-names-it"),
        pytest.param(Lease(1, NOW + 1), False, id="its-report-may-be-there"),
        pytest.param(Lease(1, NOW - 25), False, id="the-request-may-have-run-out"),
        pytest.param(None, False, id="not-asked"),
    ],
)
def test_a_pod_that_starts_may_go_when_it_would_come_up_drained(lease: Lease | None, removable: bool) -> None:
    leases = {} if lease is None else {"p": lease}
    (load,) = pod_loads([pod(ready=False, marked=True)], {}, leases, Look(NOW, reports_asked_at=NOW))
    assert (load.state, load.removable) == (PodState.STARTING, removable)


def test_a_pod_that_starts_may_not_go_once_it_has_reported() -> None:
    leases, reports = {"p": Lease(1, NOW - 1)}, {"p": known(active=1)}
    (load,) = pod_loads([pod(ready=False, marked=True)], reports, leases, Look(NOW, reports_asked_at=NOW))
    assert (load.state, load.removable) == (PodState.DRAINING, False)


@pytest.mark.parametrize(
    ("size", "observed", "expected"),
    [
        pytest.param(2, 5, True, id="as-many-pods"),
        pytest.param(1, 5, False, id="a-pod-too-many"),
        pytest.param(2, 4, False, id="not-seen-yet"),
    ],
)
def test_a_size_is_settled_when_no_pod_is_left_to_delete(size: int, observed: int, expected: bool) -> None:
    deployment = {
        "metadata": {"generation": 5},
        "spec": {"replicas": size},
        "status": {"observedGeneration": observed},
    }
    going = pod("gone", deletionTimestamp="2026-01-01T00:00:00Z")
    assert is_settled(deployment, [pod("a"), pod("b"), going]) is expected


def test_a_marked_pod_is_owed_while_a_size_is_not_settled() -> None:
    pods = [pod("a", marked=True), pod("b")]
    assert [load.owed for load in pod_loads(pods, {}, {}, Look(NOW, settled=False))] == [True, False]


@pytest.mark.parametrize("state", [PodState.STARTING, PodState.DRAINED])
def test_thousands_of_pods_that_leave_at_once_hold_nobody_up(state: PodState) -> None:
    pods = [replace(asked(STARTS), name=f"p{number}", state=state) for number in range(5000)]
    began = time.perf_counter()
    assert plan(*pods, wanted=0).replicas == 1, "zero is read twice"
    assert time.perf_counter() - began < 1.0, "the event loop stands still for so long"


@pytest.mark.parametrize(
    ("asked_at", "state"),
    [
        pytest.param(NOW - 1, PodState.STARTING, id="reports-asked-for-before-it-was-ready"),
        pytest.param(NOW + 1, PodState.CONSUMING, id="reports-asked-for-since"),
        pytest.param(float("-inf"), PodState.CONSUMING, id="no-reports"),
    ],
)
def test_a_ready_pod_is_not_busy_before_its_report_can_be_there(asked_at: float, state: PodState) -> None:
    look = Look(NOW + 2, reports_asked_at=asked_at, ready_since={"p": NOW})
    (load,) = pod_loads([pod()], {}, {}, look)
    assert (load.state, load.stale) == (state, state is PodState.CONSUMING)


def test_a_task_that_a_new_pod_has_just_fetched_is_not_counted_twice() -> None:
    scale = {"minReplicas": 0, "maxReplicas": 4}
    scaled = ScaledPool(WorkerPool.parse(pool_manifest(autoscale=scale)), Key("Broker", NAMESPACE, "default"))
    deployment = {"metadata": {}, "spec": {"replicas": 1}}
    # The pod is ready; the reading from before counts the task as waiting still.
    pods = scaled.pods(deployment, [pod()], {}, now=NOW, reports_asked_at=NOW - 0.1)
    step = scaled.step(
        scaled.load(deployment, pods, BrokerSnapshot(at=NOW, waiting={}, reports={}), waiting=1), NOW
    )
    assert step == ScalePlan(1)
    # A reading that was asked for since has no report of it: it may be busy without a word.
    pods = scaled.pods(deployment, [pod()], {}, now=NOW + 1, reports_asked_at=NOW + 0.5)
    assert [load.state for load in pods] == [PodState.CONSUMING]
