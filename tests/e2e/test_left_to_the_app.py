"""A pool that leaves everything to its app: one pod starts to report, and goes again."""

from taskfleet.api import Object
from tests.e2e.fleet import Fleet
from tests.tools.waiting import wait_for

LEFT: Object = {"pool": None, "concurrency": None, "queues": None}


def learning(fleet: Fleet, pool: str) -> str:
    """The status of the condition Learning; empty where there is none."""
    conditions = fleet.status(pool).get("conditions", [])
    return next((one["status"] for one in conditions if one["type"] == "Learning"), "")


def test_a_pool_at_zero_learns_from_one_pod_what_it_scales_by(fleet: Fleet) -> None:
    scale = {"minReplicas": 0, "maxReplicas": 3, "keepalive": "2s"}
    fleet.pool("shop", app="decides", autoscale=scale, **LEFT)
    wait_for(lambda: learning(fleet, "shop") == "True", 30, what="Learning")
    worker = wait_for(lambda: fleet.status("shop").get("worker"), 90, what="a pod's report") or {}
    assert (worker["pool"], worker["capacity"], worker["queues"]) == ("threads", 3, ["mail", "sms"])
    wait_for(lambda: learning(fleet, "shop") == "False", 30, what="the end of Learning")
    wait_for(lambda: not fleet.pods("shop"), 90, what="zero pods")
    fleet.send("known", count=9, seconds=3, queue="sms")
    wait_for(lambda: fleet.status("shop").get("desiredReplicas") == 3, 30, what="three pods")
    decisions = [one["to"] for one in fleet.status("shop")["decisions"]]
    # The first messages wake the operator while the last ones are still being sent.
    grown = decisions[decisions.index(0) + 1 :]
    assert grown == sorted(grown)
    assert grown[-1] == 3
    assert learning(fleet, "shop") == "False"


def test_other_settings_are_learnt_again_and_given_ones_never(fleet: Fleet) -> None:
    scale = {"minReplicas": 0, "maxReplicas": 3, "keepalive": "2s"}
    fleet.pool("given", autoscale=scale)
    fleet.pool("left", app="decides", autoscale=scale, **LEFT)
    wait_for(lambda: learning(fleet, "left") == "False", 90, what="the end of Learning")
    wait_for(lambda: not fleet.pods("left"), 90, what="zero pods")
    changed = {"spec": {"env": [{"name": "PYTHONPATH", "value": "/e2e"}, {"name": "NEW", "value": "1"}]}}
    fleet.kube.patch("WorkerPool", "left", fleet.namespace, changed)
    wait_for(lambda: learning(fleet, "left") == "True", 30, what="Learning after a change")
    wait_for(lambda: fleet.pods("left"), 30, what="a pod that reports")
    wait_for(lambda: learning(fleet, "left") == "False", 90, what="the end of Learning")
    assert fleet.status("given").get("decisions", []) == [] or not fleet.pods("given")
    assert learning(fleet, "given") == ""
