"""Pods that have become too old are replaced while tasks run."""

from collections.abc import Iterator

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.e2e.watching import Watching
from tests.tools.waiting import stays, wait_for

AGE_SECONDS = 60


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """One namespace, Redis and client for all; each test has pools and queues of its own."""
    yield shared_fleet
    shared_fleet.kubectl("delete", "workerpools", "--all", "--wait=false")


def names(fleet: Fleet, pool: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in fleet.pods(pool)}


@pytest.mark.parametrize(
    ("strategy", "sizes"),
    [
        pytest.param({}, {2, 3}, id="the-replacement-first"),
        pytest.param({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}, {2}, id="the-old-pod-first"),
    ],
)
def test_a_pool_is_recycled_around_its_tasks(
    fleet: Fleet, installed: Operator, strategy: dict[str, object], sizes: set[int]
) -> None:
    pool = f"worn{len(sizes)}"
    fleet.pool(pool, queues=[pool], replicas=2, strategy=strategy, recycle={"maxAge": f"{AGE_SECONDS}s"})
    fleet.wait_until_ready(pool)
    old = names(fleet, pool)
    with Watching(fleet.kubeconfig, fleet.namespace, pool) as seen:
        fleet.hold(f"{pool}-long", count=1, queue=pool)
        fleet.send(f"{pool}-short", count=300, seconds=0.5, queue=pool)
        fleet.wait_until_started(f"{pool}-long", 1)
        (busy,) = set(fleet.marks(f"{pool}-long").pod.values())
        wait_for(
            lambda: fleet.status(pool).get("drainingReplicas"), 2 * AGE_SECONDS + 60, what="a pod that drains"
        )
        stays(lambda: busy in names(fleet, pool), 20, what="the pod with the long task")
        fleet.release(f"{pool}-long")
        wait_for(lambda: not old & names(fleet, pool), 240, what="new pods only")
    short = fleet.wait_until_done(f"{pool}-short", 300, seconds=180)
    assert set(short.started.values()) == {1}, "none is executed twice"
    assert set(fleet.wait_until_done(f"{pool}-long", 1).started.values()) == {1}
    assert set(seen.steps) <= sizes
    events = fleet.kubectl(
        "get", "events", "--field-selector=reason=Recycled", "--output=jsonpath={.items[*].message}"
    )
    assert f"recycle.maxAge is {AGE_SECONDS // 60}m." in events
    wrongly = f'taskfleet_busy_pods_removed_total{{namespace="{fleet.namespace}",pool="{pool}"}} 0.0'
    assert wrongly in installed.metrics().splitlines()
