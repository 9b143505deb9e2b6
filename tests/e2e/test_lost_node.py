"""A node is lost with a worker that holds messages, and comes back: `make test-lost-node`, on two nodes, five minutes."""

import time
from collections import Counter

import pytest

from taskfleet.api import Object
from tests.e2e.fleet import Fleet
from tests.e2e.nodes import cut_off, evacuate, is_ready, names, unschedulable
from tests.tools.cluster import Cluster
from tests.tools.waiting import wait_for
from tests.unit.objects import of_type

pytestmark = pytest.mark.long

AHEAD = 2  # messages that wait for the worker's only slot
DUE_IN = 150.0  # seconds: after the worker has stopped to begin anything, before its node is back
LOST_WITHIN = 180.0  # seconds from the loss to the end of what did not run yet


def test_what_a_lost_node_held_runs_elsewhere_and_does_not_begin_when_it_is_back(
    fleet: Fleet, one_cluster: Cluster
) -> None:
    nodes = names(fleet.kube)
    if len(nodes) < 2:
        pytest.skip("one node: add --nodes 2")
    stays, lost = nodes[:2]
    held = _fill_a_worker_on(lost, fleet, others_on=stays)

    since = time.monotonic()
    with cut_off(one_cluster, 2):
        told = _wait_until_told(fleet)
        print(f"told after {time.monotonic() - since:.0f} s: {told}")
        assert f"on node {lost} has not reported since" in told
        assert f"holds {held} messages" in told
        wait_for(
            lambda: set(fleet.marks("running").started.values()) == {2},
            LOST_WITHIN,
            what="a second run",
            poll=0.5,
        )
        fleet.release("running")  # which the lost node does not hear: others wait behind it
        fleet.wait_until_done("ahead", AHEAD, seconds=30)
        took = time.monotonic() - since
        fleet.wait_until_done("due", 1, seconds=60)
        print(f"run elsewhere after {took:.0f} s, what was due after {time.monotonic() - since:.0f} s")
        assert 120 < took < LOST_WITHIN
    wait_for(lambda: is_ready(fleet.kube.get("Node", lost)), 120, what="the node to be back")
    _wait_until_well(fleet)
    print(f"notes: {fleet.status('mail').get('notes')}")

    # TCP waits up to two minutes until it tries again what was lost on the way.
    wait_for(lambda: set(fleet.marks("running").done.values()) == {2}, 180, what="both of its runs", poll=1)
    fleet.send("after", count=4)
    fleet.wait_until_done("after", 4)
    runs = Counter({**fleet.marks("ahead").started, **fleet.marks("due").started})
    assert set(runs.values()) == {1}, "what had not begun ran once"
    assert set(fleet.marks("running").started.values()) == {2}, (
        "what ran when the node was lost is the one double"
    )


def _fill_a_worker_on(node: str, fleet: Fleet, *, others_on: str) -> int:
    """A pool whose one pod, alone on the node, runs a task and holds others; how many it holds."""
    slots = {"concurrency": 1, "prefetchMultiplier": 4}
    with unschedulable(fleet.kubectl, node):
        evacuate(fleet.kube, fleet.kubectl, node)
        fleet.pool("mail", replicas=0, **slots)
        queue = {"apiVersion": "taskfleet.dev/v1alpha1", "kind": "TaskQueue", "metadata": {"name": "celery"}}
        fleet.kubectl.apply({**queue, "spec": {}})
        fleet.hold("running", count=1)
    with unschedulable(fleet.kubectl, others_on):
        fleet.pool("mail", replicas=1, **slots)
        fleet.wait_until_started("running", 1, seconds=90)
    fleet.send("ahead", count=AHEAD)
    fleet.send_later("due", seconds=DUE_IN)
    held = AHEAD + 2
    wait_for(lambda: sum(fleet.held("mail").values()) == held, 30, what="the worker to hold all", poll=0.5)
    fleet.pool("mail", autoscale={"minReplicas": 1, "maxReplicas": 3}, **slots)
    (pod,) = fleet.pods("mail")
    assert pod["spec"]["nodeName"] == node
    return held


def _wait_until_told(fleet: Fleet) -> str:
    """By the pool and by the queue; what the pool says once it knows of the node."""
    wait_for(
        lambda: _reasons(fleet) == ("PodsUnresponsive", "ConsumersUnresponsive"),
        60,
        what="words about it",
        poll=0.5,
    )
    wait_for(
        lambda: "is lost. The operator requeues" in _condition(fleet, "WorkerPool")["message"],
        90,
        what="the node's loss",
        poll=1,
    )
    return str(_condition(fleet, "WorkerPool")["message"])


def _wait_until_well(fleet: Fleet) -> None:
    wait_for(
        lambda: "messages were not started" in str(fleet.status("mail").get("notes")),
        60,
        what="the note of the worker that is back",
        poll=0.5,
    )
    wait_for(
        lambda: (
            (_condition(fleet, "WorkerPool")["status"], _condition(fleet, "TaskQueue")["status"])
            == ("True", "True")
        ),
        60,
        what="pool and queue to be well",
        poll=1,
    )


def _reasons(fleet: Fleet) -> tuple[str, str]:
    return _condition(fleet, "WorkerPool")["reason"], _condition(fleet, "TaskQueue")["reason"]


def _condition(fleet: Fleet, kind: str) -> Object:
    """Ready of the pool, Healthy of the queue."""
    name, condition = ("mail", "Ready") if kind == "WorkerPool" else ("celery", "Healthy")
    return of_type((fleet.kube.get(kind, name, fleet.namespace) or {})["status"], condition)
