"""When a pool is decided on again although nothing changes: whatever has its own time is not left to the next reading."""

from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.kube.field_writers import FieldWriter
from taskfleet.scaling.due_pools import NEVER, NEXT_READING
from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.pool import ScaledPool
from tests.unit.objects import NAMESPACE, pool

BROKER = Key("Broker", NAMESPACE, "default")
NOW = 1000.0
RUNNING = tuple(PodLoad(f"mail-{number}", PodState.CONSUMING) for number in range(4))


def scaled_pool(**scale: Any) -> ScaledPool:
    autoscale: Object = {"minReplicas": 0, "maxReplicas": 9, **scale}
    return ScaledPool(WorkerPool.parse(pool(autoscale=autoscale)), BROKER)


def load_of(scaled: ScaledPool, **changes: Any) -> PoolLoad:
    """A pool at rest at zero."""
    return replace(PoolLoad(limits=replace(scaled.limits, capacity=1), replicas=0), **changes)


def due_at(scaled: ScaledPool, *, now: float = NOW, **changes: Any) -> float:
    scaled.step(load_of(scaled, **changes), now)
    return scaled.due_at


def test_a_pool_at_its_size_waits_for_news() -> None:
    assert due_at(scaled_pool()) == NEVER
    assert due_at(scaled_pool(), replicas=4, pods=RUNNING, waiting=4) == NEVER


def test_a_pool_that_is_being_moved_is_decided_on_at_each_reading() -> None:
    assert due_at(scaled_pool(), waiting=4) == NEXT_READING


@pytest.mark.parametrize("mode", ["Hold", "Recommend"])
def test_what_is_not_carried_out_makes_no_haste(mode: str) -> None:
    assert due_at(scaled_pool(mode=mode), waiting=4) == NEVER


def test_pods_that_cannot_start_make_no_haste() -> None:
    assert due_at(scaled_pool(), waiting=4, cannot_start="no node") == NEVER


def test_the_end_of_a_stabilization_window_is_a_time_of_its_own() -> None:
    scaled = scaled_pool(behavior={"scaleDown": {"stabilizationWindow": "60s"}})
    due_at(scaled, replicas=4, pods=RUNNING, waiting=4)
    assert due_at(scaled, now=NOW + 1, replicas=4, pods=RUNNING) == pytest.approx(NOW + 61)
    assert due_at(scaled, now=NOW + 30, replicas=4, pods=RUNNING) == pytest.approx(NOW + 61)
    assert due_at(scaled, now=NOW + 61, replicas=4, pods=RUNNING) == NEXT_READING, "pods drain now"


def test_the_end_of_a_window_of_growth_is_a_time_of_its_own() -> None:
    scaled = scaled_pool(minReplicas=1, behavior={"scaleUp": {"stabilizationWindow": "20s"}})
    due_at(scaled, replicas=1, pods=RUNNING[:1])
    assert due_at(scaled, now=NOW + 1, replicas=1, pods=RUNNING[:1], waiting=4) == pytest.approx(NOW + 21)


def test_the_next_step_that_a_policy_allows_is_a_time_of_its_own() -> None:
    policy = {"type": "Pods", "value": 1, "period": "15s"}
    scaled = scaled_pool(behavior={"scaleUp": {"policies": [policy]}})
    due_at(scaled)
    assert due_at(scaled, now=NOW + 1, waiting=4) == NEXT_READING
    due = due_at(scaled, now=NOW + 2, replicas=1, pods=RUNNING[:1], waiting=4)
    assert due == pytest.approx(NOW + 2 + 15)


def test_the_pod_for_a_planned_run_has_a_time_of_its_own() -> None:
    assert due_at(scaled_pool(prewarm=True), next_run_in=100.0, lead=10.0) == pytest.approx(NOW + 90)


def test_what_was_refused_is_tried_again_at_its_time_and_not_before() -> None:
    scaled = scaled_pool()
    due_at(scaled, waiting=4)
    scaled.size.note_refused("a quota", NOW)
    assert due_at(scaled, now=NOW + 0.1, waiting=4) == scaled.size.refusals.until > NOW + 1
    assert due_at(scaled, now=scaled.size.refusals.until, waiting=4) == NEXT_READING


def test_a_size_that_another_client_writes_is_put_back_at_its_time() -> None:
    scaled = scaled_pool()
    due_at(scaled, waiting=4)
    scaled.size.note_written(0, 4, None)
    scaled.size.note_overwritten(FieldWriter("rival", "Update", "scale", ""), ours=4, found=2, now=NOW)
    scaled.size.known = 4
    assert due_at(scaled, now=NOW + 0.1, replicas=2, waiting=4) == scaled.size.overwrites.until > NOW + 1


def test_moves_that_were_refused_are_tried_again_at_their_time() -> None:
    scaled = scaled_pool()
    scaled.retry = scaled.retry.failed(NOW)
    assert due_at(scaled, waiting=4) == scaled.retry.until


def test_the_first_report_of_a_pod_that_is_ready_is_read_soon() -> None:
    starting = PodLoad("mail-0", PodState.STARTING, unready=True)
    assert due_at(scaled_pool(), replicas=1, pods=(starting,), waiting=1) == NEVER
    ready = replace(starting, unready=False)
    assert due_at(scaled_pool(), replicas=1, pods=(ready,), waiting=1) == NEXT_READING
