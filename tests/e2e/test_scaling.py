"""Pools that follow their queues: up at once, down by draining, and never over a pod that works."""

from taskfleet.api import Object
from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.waiting import wait_for

SCALE: Object = {"minReplicas": 0, "maxReplicas": 4, "keepalive": "3s"}


def replicas(fleet: Fleet, pool: str) -> int:
    deployment = fleet.kube.get("Deployment", f"{pool}-worker", fleet.namespace)
    assert deployment is not None
    return int(deployment["spec"]["replicas"])


def wait_for_size(fleet: Fleet, pool: str, size: int, *, seconds: float) -> None:
    wait_for(lambda: replicas(fleet, pool) == size, seconds, what=f"{pool} at {size} replicas", poll=0.1)


def test_a_burst_is_executed_from_zero_and_the_fleet_goes_back_to_zero(fleet: Fleet) -> None:
    fleet.pool("burst", autoscale=SCALE)
    fleet.send("burst", count=40, seconds=0.5)
    wait_for_size(fleet, "burst", 4, seconds=30)
    marks = fleet.wait_until_done("burst", 40, seconds=120)
    assert set(marks.started.values()) == {1}
    wait_for_size(fleet, "burst", 0, seconds=60)
    decision = fleet.status("burst")["lastDecision"]
    assert (decision["to"], decision["reason"]) == (0, "Demand")


def test_a_long_task_outlives_the_scale_down_around_it(fleet: Fleet) -> None:
    fleet.pool("mixed", autoscale=SCALE)
    fleet.send("long", count=1, seconds=25)
    fleet.send("short", count=12, seconds=0.5)
    wait_for_size(fleet, "mixed", 4, seconds=30)
    fleet.wait_until_done("short", 12, seconds=120)
    wait_for_size(fleet, "mixed", 1, seconds=60)
    assert fleet.marks("long").done == {}
    marks = fleet.wait_until_done("long", 1, seconds=60)
    assert set(marks.started.values()) == {1}


def test_a_fixed_size_is_lowered_without_stopping_a_busy_pod(fleet: Fleet) -> None:
    fleet.pool("fixed", replicas=3)
    fleet.wait_until_ready("fixed")
    fleet.send("busy", count=1, seconds=30)
    fleet.wait_until_started("busy", 1)
    fleet.kubectl("scale", "workerpool/fixed", "--replicas=1")
    wait_for_size(fleet, "fixed", 1, seconds=60)
    assert fleet.marks("busy").done == {}, "the idle pods went while the busy one worked"
    marks = fleet.wait_until_done("busy", 1)
    assert set(marks.started.values()) == {1}
    (pod,) = fleet.pods("fixed")
    assert set(marks.pod.values()) == {pod["metadata"]["name"]}


def test_an_operator_killed_while_pods_drain_leaves_no_sleeping_fleet(
    fleet: Fleet, operator: Operator
) -> None:
    fleet.pool("left", replicas=2)
    fleet.wait_until_ready("left")
    fleet.send("held", count=2, seconds=20)
    fleet.wait_until_started("held", 2)
    fleet.kubectl("scale", "workerpool/left", "--replicas=1")
    wait_for(lambda: fleet.status("left").get("drainingReplicas"), 30, what="a draining pod")
    operator.stop()
    fleet.send("after", count=4, seconds=0)
    marks = fleet.wait_until_done("after", 4, seconds=90)
    assert set(marks.started.values()) == {1}
    assert set(fleet.wait_until_done("held", 2, seconds=60).started.values()) == {1}
