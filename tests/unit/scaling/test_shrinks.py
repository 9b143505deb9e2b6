"""The check after a shrink counts pods that a ReplicaSet took wrongly, and nobody else's doings."""

from dataclasses import dataclass
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.brokers.polling.worker_report import Report
from taskfleet.scaling.load import PodLoad, PodState
from taskfleet.scaling.shrinks import Shrinks

STARTS = PodLoad("starts", PodState.STARTING)
WORKS = PodLoad("works", PodState.CONSUMING, active=1)
IDLE = PodLoad("idle", PodState.CONSUMING)
DRAINS = PodLoad("drains", PodState.DRAINING, active=1)
DRAINED = PodLoad("drained", PodState.DRAINED, marked=True, removable=True)
DRAINED_AND_LATE = PodLoad("drained", PodState.DRAINING, marked=True)  # its report has come late since
SILENT = PodLoad("silent", PodState.CONSUMING, stale=True)
GIVEN_UP = PodLoad("given-up", PodState.CONSUMING, stale=True, marked=True)
ALL = (STARTS, WORKS, IDLE, DRAINS, DRAINED, SILENT, GIVEN_UP)


def deleted(name: str, *, disrupted: bool = False) -> Object:
    conditions = [{"type": "DisruptionTarget", "status": "True"}] if disrupted else []
    return {
        "metadata": {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": "Running", "conditions": conditions},
    }


@dataclass
class Pool:
    """A pool that has just been made smaller by `by`."""

    shrinks: Shrinks

    @classmethod
    def smaller_by(cls, by: int) -> "Pool":
        shrinks = Shrinks()
        shrinks.resized(-by, ALL, now=0.0)
        return cls(shrinks)

    def without(
        self, *gone: PodLoad, now: float = 1.0, before: tuple[PodLoad, ...] = ALL, **seen: Any
    ) -> list[str]:
        names = {pod.name for pod in gone}
        manifests = {name: deleted(name) for name in names} | seen.get("manifests", {})
        left = [pod for pod in before if pod.name not in names]
        reports = seen.get("reports", {})
        return self.shrinks.gone(before, left, manifests=manifests, reports=reports, now=now)


@pytest.mark.parametrize(
    ("pod", "wrong"),
    [
        pytest.param(WORKS, True, id="busy"),
        pytest.param(IDLE, True, id="idle-and-never-asked-to-drain"),
        pytest.param(DRAINS, True, id="still-draining"),
        pytest.param(SILENT, True, id="silent"),
        pytest.param(DRAINED, False, id="drained"),
        pytest.param(STARTS, False, id="never-started"),
        pytest.param(GIVEN_UP, False, id="silent-and-the-user-wants-another-size"),
    ],
)
def test_a_pod_may_go_when_it_has_drained_or_never_worked(pod: PodLoad, wrong: bool) -> None:
    assert Pool.smaller_by(1).without(pod) == ([pod.name] if wrong else [])


def test_a_pod_that_was_gone_before_anybody_saw_it_go_counts_too() -> None:
    pool = Pool.smaller_by(1)
    assert pool.shrinks.gone([STARTS, WORKS], [STARTS], manifests={}, reports={}, now=1.0) == ["works"]


def test_what_was_drained_when_the_size_was_written_may_go_though_its_next_report_is_late() -> None:
    before = (WORKS, DRAINED_AND_LATE)
    assert Pool.smaller_by(1).without(DRAINED_AND_LATE, before=before) == []


def test_a_pod_that_was_woken_since_may_not_go() -> None:
    pool = Pool.smaller_by(1)
    woken = PodLoad("drained", PodState.CONSUMING)
    assert pool.without(before=(woken,)) == []
    assert pool.without(woken, before=(woken,)) == ["drained"]


@pytest.mark.parametrize(("active", "wrong"), [(0, []), (1, ["starts"])])
def test_a_pod_that_got_a_task_in_the_last_moment_counts(active: int, wrong: list[str]) -> None:
    known = LastReport(Report(state="ready", active=active), 1.0)
    assert Pool.smaller_by(1).without(STARTS, reports={"starts": known}) == wrong


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(deleted("works", disrupted=True), id="evicted"),
        pytest.param({"metadata": {"name": "works"}, "status": {"phase": "Failed"}}, id="ended-by-itself"),
    ],
)
def test_what_nodes_and_evictions_take_is_not_the_shrinks(manifest: Object) -> None:
    pool = Pool.smaller_by(1)
    assert pool.without(WORKS, manifests={"works": manifest}) == []
    assert pool.shrinks.owed == 1


def test_no_more_pods_are_counted_than_the_size_was_lowered_by() -> None:
    assert Pool.smaller_by(1).without(WORKS, DRAINED) == [], "a user deleted the other one"
    pool = Pool.smaller_by(2)
    assert pool.without(DRAINED) == []
    assert pool.without(STARTS, before=(STARTS, WORKS)) == []
    assert pool.without(WORKS, before=(WORKS,)) == []


@pytest.mark.parametrize("by", [1, 0])
def test_a_shrink_is_over_when_the_pool_grows_again(by: int) -> None:
    pool = Pool.smaller_by(1)
    pool.shrinks.resized(by, ALL, now=0.5)
    assert pool.without(WORKS) == []


def test_a_shrink_is_over_after_a_minute() -> None:
    assert Pool.smaller_by(1).without(WORKS, now=61.0) == []
