"""Pools that follow their queues: up at once, down by draining, and never over a pod that works."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskfleet.api import Object
from tests.e2e.fleet import Fleet, Marks, redis_pod
from tests.e2e.operator import Operator
from tests.e2e.watching import Watching
from tests.tools.waiting import stays, wait_for

SCALE: Object = {"minReplicas": 0, "maxReplicas": 4, "behavior": {"scaleDown": {"stabilizationWindow": "2s"}}}
MARK = "controller.kubernetes.io/pod-deletion-cost"


@pytest.fixture
def fleet(shared_fleet: Fleet) -> Iterator[Fleet]:
    """One namespace, Redis and client for all; each test has pools and queues of its own."""
    yield shared_fleet
    shared_fleet.kubectl("delete", "workerpools", "--all", "--wait=false")


def replicas(fleet: Fleet, pool: str) -> int:
    deployment = fleet.kube.get("Deployment", f"{pool}-worker", fleet.namespace)
    return int(deployment["spec"]["replicas"]) if deployment is not None else 0


def wait_for_size(fleet: Fleet, pool: str, size: int, *, seconds: float = 60) -> None:
    wait_for(lambda: replicas(fleet, pool) == size, seconds, what=f"{pool} at {size} replicas", poll=0.1)


def wait_for_draining(fleet: Fleet, pool: str, count: int) -> None:
    wait_for(
        lambda: fleet.status(pool).get("drainingReplicas") == count, 90, what=f"{count} draining", poll=0.2
    )


def names(fleet: Fleet, pool: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in fleet.pods(pool)}


def once(marks: Marks) -> bool:
    return set(marks.started.values()) == {1}


def test_a_burst_is_worked_off_from_zero_and_the_way_back_to_zero_leads_around_a_long_task(
    fleet: Fleet, installed: Operator
) -> None:
    fleet.pool("burst", queues=["burst"], autoscale=SCALE)
    wait_for(lambda: fleet.status("burst").get("lastDecision"), 60, what="a first decision")
    with Watching(fleet.kubeconfig, fleet.namespace, "burst") as seen:
        fleet.hold("long", count=1, queue="burst")
        wait_for_size(fleet, "burst", 1, seconds=30)
        fleet.send("short", count=20, seconds=0.3, queue="burst")
        assert once(fleet.wait_until_done("short", 20, seconds=120))
        wait_for_size(fleet, "burst", 1)
        working = fleet.marks("long")
        assert not working.done
        assert set(working.pod.values()) == names(fleet, "burst"), "the pod that works is the one that stays"
        fleet.release("long")
        assert once(fleet.wait_until_done("long", 1))
        wait_for_size(fleet, "burst", 0)
    top = seen.steps.index(4)
    assert seen.steps[: top + 1] == sorted(seen.steps[: top + 1])
    assert seen.steps[top:] == sorted(seen.steps[top:], reverse=True)
    decision = fleet.status("burst")["lastDecision"]
    assert (decision["to"], decision["reason"]) == (0, "Demand")
    explained = installed.taskfleet("explain", "wp/burst", f"--namespace={fleet.namespace}").splitlines()
    assert explained[0].split()[:5] == ["TIME", "FROM", "TO", "WAITING", "RUNNING"]
    assert any("maxReplicas 4" in line for line in explained)
    assert explained[-1].split()[2] == "0"
    wrongly = f'taskfleet_busy_pods_removed_total{{namespace="{fleet.namespace}",pool="burst"}} 0.0'
    assert wrongly in installed.metrics().splitlines()


def test_two_pools_share_a_queue_without_scaling_for_the_same_task_twice(fleet: Fleet) -> None:
    fleet.pool("both", queues=["high", "low"], autoscale=SCALE)
    fleet.pool("rest", queues=["low"], autoscale=SCALE)
    for pool in ("both", "rest"):
        wait_for(lambda pool=pool: fleet.status(pool).get("lastDecision"), 60, what="a decision")  # type: ignore[misc]
    with (
        Watching(fleet.kubeconfig, fleet.namespace, "both") as both,
        Watching(fleet.kubeconfig, fleet.namespace, "rest") as rest,
    ):
        fleet.hold("urgent", count=1, queue="high")
        fleet.hold("other", count=2, queue="low")
        fleet.wait_until_started("urgent", 1, seconds=60)
        fleet.wait_until_started("other", 2, seconds=60)
        fleet.release("urgent", "other")
        assert once(fleet.wait_until_done("urgent", 1))
        assert once(fleet.wait_until_done("other", 2))
        for pool in ("both", "rest"):
            wait_for_size(fleet, pool, 0)
    assert max(both.steps) + max(rest.steps) == 3, "three tasks, three pods"


def test_a_fixed_size_is_lowered_around_the_pod_that_works(fleet: Fleet) -> None:
    fleet.pool("fixed", queues=["fixed"], replicas=3)
    fleet.wait_until_ready("fixed")
    fleet.hold("busy", count=1, queue="fixed")
    fleet.wait_until_started("busy", 1)
    fleet.kubectl("scale", "workerpool/fixed", "--replicas=1")
    wait_for_size(fleet, "fixed", 1)
    wait_for(lambda: len(names(fleet, "fixed")) == 1, 30, what="one pod")
    working = fleet.marks("busy")
    assert not working.done
    assert set(working.pod.values()) == names(fleet, "fixed")
    fleet.release("busy")
    assert once(fleet.wait_until_done("busy", 1))


def test_a_redis_that_is_killed_while_pods_drain_costs_no_pod_and_no_task(fleet: Fleet) -> None:
    fleet.pool("cut", queues=["cut"], replicas=3)
    fleet.wait_until_ready("cut")
    fleet.hold("kept", count=3, queue="cut")
    fleet.wait_until_started("kept", 3)
    before = names(fleet, "cut")
    fleet.kubectl("scale", "workerpool/cut", "--replicas=1")
    wait_for_draining(fleet, "cut", 2)
    killed = redis_pod(fleet)
    fleet.kubectl("delete", "pod", "default-broker-0", "--grace-period=0", "--force")
    wait_for(lambda: redis_pod(fleet) not in ("", killed), 90, what="a new Redis pod", poll=0.1)
    fleet.kubectl("wait", "--for=condition=Ready", "pod/default-broker-0", "broker/default", "--timeout=90s")
    wait_for_draining(fleet, "cut", 2)
    stays(lambda: names(fleet, "cut") == before, 5, what="every pod, which has a task")
    fleet.release("kept")
    assert once(fleet.wait_until_done("kept", 3))
    wait_for_size(fleet, "cut", 1)


def test_an_operator_killed_before_it_shrinks_leaves_no_sleeping_fleet_and_no_mark_on_a_busy_pod(
    fleet: Fleet, operator: Operator
) -> None:
    fleet.pool("left", queues=["left"], replicas=2)
    fleet.wait_until_ready("left")
    fleet.hold("first", count=2, queue="left")
    fleet.wait_until_started("first", 2)
    fleet.kubectl("scale", "workerpool/left", "--replicas=1")
    wait_for_draining(fleet, "left", 1)
    operator.stop()  # between drain and shrink

    fleet.release("first")
    assert once(fleet.wait_until_done("first", 2))
    fleet.hold("second", count=2, queue="left")
    fleet.wait_until_started("second", 2, seconds=90)  # both consume again: the drain has run out
    pods = names(fleet, "left")
    # As if it had been killed a step later, between mark and shrink.
    fleet.kubectl("annotate", "pods", *pods, f"{MARK}=-2147483647")

    operator.restore()
    wait_for(lambda: not _marked(fleet, "left"), 30, what="no mark on a pod that works")
    wait_for_draining(fleet, "left", 1)
    stays(lambda: names(fleet, "left") == pods, 3, what="both pods, which work")
    fleet.release("second")
    assert once(fleet.wait_until_done("second", 2))
    wait_for_size(fleet, "left", 1)


def _marked(fleet: Fleet, pool: str) -> list[str]:
    return [
        pod["metadata"]["name"] for pod in fleet.pods(pool) if MARK in pod["metadata"].get("annotations", {})
    ]


def test_a_node_that_is_drained_during_load_costs_no_task(fleet: Fleet) -> None:
    fleet.pool("moved", queues=["moved"], replicas=2)
    fleet.wait_until_ready("moved")
    before = names(fleet, "moved")
    fleet.send("load", count=60, seconds=0.5, queue="moved")
    fleet.wait_until_started("load", 2)
    (node,) = {pod["spec"]["nodeName"] for pod in fleet.pods("moved")}
    with ThreadPoolExecutor(1) as executor:
        drain = executor.submit(_drain, fleet, node, "taskfleet.dev/pool=moved")
        try:
            wait_for(lambda: _cordoned(fleet, node), 30, what="a cordoned node")
        finally:
            # It is the only node, and the budget waits for one pod's successor before the next one may go.
            fleet.kubectl("uncordon", node)
        drain.result()
    assert names(fleet, "moved").isdisjoint(before)
    assert once(fleet.wait_until_done("load", 60, seconds=120))


def _drain(fleet: Fleet, node: str, selector: str) -> None:
    flags = ("--delete-emptydir-data", "--ignore-daemonsets", "--timeout=180s")
    fleet.kubectl("drain", node, f"--pod-selector={selector}", *flags)


def _cordoned(fleet: Fleet, node: str) -> bool:
    live = fleet.kube.get("Node", node) or {}
    return bool(live["spec"].get("unschedulable"))
