"""Fleets do not need the operator to work, and its own changes do not disturb them."""

from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.envtest.conditions import wait_for_condition
from tests.envtest.pools import wait_for_deployment
from tests.tools.waiting import wait_for

CHILDREN = ("Deployment", "ReplicaSet", "PodDisruptionBudget", "Pod")


def test_deleting_a_pool_removes_its_children_while_the_operator_is_stopped(
    fleet: Fleet, operator: Operator
) -> None:
    fleet.pool("shop", replicas=2)
    fleet.wait_until_ready("shop")
    operator.stop()

    assert all(_children(fleet, kind) for kind in CHILDREN)
    fleet.kube.delete("WorkerPool", "shop", fleet.namespace)
    for kind in CHILDREN:
        wait_for(lambda kind=kind: not _children(fleet, kind), 60, what=f"the end of the {kind}s")  # type: ignore[misc]


def test_tasks_go_on_and_nothing_restarts_when_the_operator_is_killed(
    fleet: Fleet, operator: Operator
) -> None:
    fleet.pool("shop", replicas=2, concurrency=2)
    fleet.wait_until_ready("shop")
    before = fleet.running("shop")
    fleet.send("load", count=12, seconds=3)
    fleet.wait_until_started("load", 4)

    killed = operator.kill_leader()
    marks = fleet.wait_until_done("load", 12)
    wait_for(lambda: operator.leader() not in ("", killed), 60, what="a new leader")
    fleet.pool("shop", replicas=3, concurrency=2)
    fleet.wait_until_ready("shop")

    assert set(marks.started.values()) == {1}
    assert before < fleet.running("shop")


def test_a_standby_takes_over_from_a_killed_leader(fleet: Fleet, operator: Operator) -> None:
    operator.restore(replicas=2)
    pool = fleet.pool("shop", replicas=0)
    wait_for_deployment(fleet.kube, pool, replicas=0)

    killed = operator.kill_leader()  # which goes on for a moment, until the kubelet hears of it
    # The one that stood by, or the killed one's replacement: both stand by when the Lease runs out.
    wait_for(lambda: operator.leader() not in ("", killed), 60, what="another leader")
    fleet.pool("shop", replicas=1)
    wait_for_deployment(fleet.kube, pool, timeout=15, replicas=1)


def test_an_operator_upgrade_restarts_no_worker_until_it_is_asked_to(
    fleet: Fleet, operator: Operator
) -> None:
    pool = fleet.pool("shop", replicas=2)
    fleet.wait_until_ready("shop")
    before = fleet.running("shop")
    next_runtime = f"{operator.images['taskfleet-worker']}-next"  # no pod has to start with it

    operator.restore(images={"taskfleet-worker": next_runtime})
    wait_for_condition(fleet.kube, pool, "UpToDate", "False", "PodTemplateOutdated")
    wait_for_condition(fleet.kube, pool, "Ready", "True")
    assert fleet.running("shop") == before

    operator.taskfleet("upgrade", "wp/shop", f"--namespace={fleet.namespace}")
    wait_for_condition(fleet.kube, pool, "UpToDate", "True")
    deployment = fleet.kube.get("Deployment", "shop-worker", fleet.namespace) or {}
    (init,) = deployment["spec"]["template"]["spec"]["initContainers"]
    assert init["image"] == next_runtime


def _children(fleet: Fleet, kind: str) -> list[str]:
    found = fleet.kube.list(kind, fleet.namespace, selector="taskfleet.dev/pool=shop")
    return [one["metadata"]["name"] for one in found]
