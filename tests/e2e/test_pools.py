"""Pools at work: every pool type, and what a rollout does to running tasks."""

from tests.e2e.fleet import Fleet
from tests.tools.waiting import wait_for

POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")


def test_every_pool_type_executes_tasks(fleet: Fleet) -> None:
    for pool in POOLS:
        fleet.pool(pool, pool=pool, queues=[pool])
    fleet.wait_until_ready(*POOLS)
    fleet.send_to({pool: pool for pool in POOLS}, count=10)
    for pool in POOLS:
        marks = fleet.wait_until_done(pool, 10)
        assert set(marks.done.values()) == {1}
        assert set(marks.pod.values()) == {pod["metadata"]["name"] for pod in fleet.pods(pool)}


def test_a_rollout_during_load_executes_every_task_once(fleet: Fleet) -> None:
    fleet.pool("shop", replicas=2, concurrency=2)
    fleet.wait_until_ready("shop")
    before = fleet.running("shop")
    fleet.send("load", count=20, seconds=0.5)
    fleet.wait_until_started("load", 5)
    sent = 20

    fleet.pool("shop", replicas=2, concurrency=2, logLevel="WARNING")

    def replaced_under_load() -> bool:
        nonlocal sent
        # A second's work, so that the load lasts as long as the rollout.
        fleet.send("load", count=8, seconds=0.5)
        sent += 8
        return not before & fleet.running("shop")

    wait_for(replaced_under_load, 90, what="the end of the rollout")
    fleet.wait_until_ready("shop")
    marks = fleet.wait_until_done("load", sent)
    assert set(marks.started.values()) == {1}
    assert set(marks.done.values()) == {1}
