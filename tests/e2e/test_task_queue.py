"""A TaskQueue beside a pool at work: who takes its messages, what happens when nobody does, and its purge."""

import subprocess
import time

import pytest

from taskfleet.api import Object
from tests.e2e.fleet import Fleet
from tests.e2e.operator import Operator
from tests.envtest.conditions import wait_for_condition
from tests.tools.waiting import wait_for

# Of the operator itself 2 s; ten times that, for the machine may be busy.
FOLLOWS_WITHIN = 20.0


def test_a_queue_follows_its_pool_and_is_purged(
    fleet: Fleet, installed: Operator, capfd: pytest.CaptureFixture[str]
) -> None:
    fleet.pool("mail", queues=["emails"])
    queue = _task_queue(fleet)
    fleet.wait_until_ready("mail")
    wait_for(lambda: _status(fleet).get("consumers") == 1, 30, what="a consumer", poll=0.3)
    fleet.send("sent", count=5, queue="emails")
    fleet.wait_until_done("sent", 5)
    wait_for(lambda: _status(fleet).get("completionRate", 0) > 0, 30, what="what left", poll=0.3)
    with pytest.raises(subprocess.CalledProcessError):
        _purge(installed, fleet)
    assert "consumed by WorkerPools: mail (1 pod)" in capfd.readouterr().err

    took = [_follow(fleet, queue, suspend=True)]
    wait_for(lambda: _status(fleet).get("consumers") == 0, 60, what="the end of the pod", poll=0.3)
    fleet.send("late", count=4, queue="emails")
    told = wait_for_condition(fleet.kube, queue, "Healthy", "False", "NotConsumed", timeout=FOLLOWS_WITHIN)
    assert told["status"]["waiting"] >= 1
    assert _purge(installed, fleet) == "Messages removed: 4\n"
    wait_for_condition(fleet.kube, queue, "Healthy", "True", timeout=FOLLOWS_WITHIN)

    fleet.send("again", count=2, queue="emails")
    wait_for_condition(fleet.kube, queue, "Healthy", "False", timeout=FOLLOWS_WITHIN)
    took.append(_follow(fleet, queue, suspend=False))
    wait_for_condition(fleet.kube, queue, "Healthy", "True", timeout=FOLLOWS_WITHIN)
    fleet.wait_until_done("again", 2)
    assert not fleet.marks("late").started, "what was purged is gone"
    print(f"Consumed followed after {' and '.join(f'{one:.2f}' for one in took)} s")


def _task_queue(fleet: Fleet) -> Object:
    metadata = {"name": "emails", "namespace": fleet.namespace}
    made = {"apiVersion": "taskfleet.dev/v1alpha1", "kind": "TaskQueue", "metadata": metadata, "spec": {}}
    fleet.kubectl.apply(made)
    return made


def _status(fleet: Fleet) -> Object:
    live = fleet.kube.get("TaskQueue", "emails", fleet.namespace) or {}
    return dict(live.get("status") or {})


def _follow(fleet: Fleet, queue: Object, *, suspend: bool) -> float:
    """Seconds from the change of the pool to the condition's."""
    since = time.monotonic()
    fleet.kube.patch("WorkerPool", "mail", fleet.namespace, {"spec": {"suspend": suspend}})
    wait_for_condition(fleet.kube, queue, "Consumed", str(not suspend), timeout=FOLLOWS_WITHIN)
    return time.monotonic() - since


def _purge(operator: Operator, fleet: Fleet) -> str:
    return operator.taskfleet("purge", "tq/emails", f"--namespace={fleet.namespace}")
