"""docs/tutorials/django.md on RabbitMQ: the same example with another Broker manifest, and what it says is different then."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from taskfleet.api import Object
from tests.django.cluster import ShopOnCluster
from tests.e2e.fleet import Fleet
from tests.tools.cluster import Cluster
from tests.tools.waiting import wait_for

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def shop(one_cluster: Cluster, shared_fleet: Fleet) -> Iterator[ShopOnCluster]:
    one = ShopOnCluster(one_cluster, shared_fleet.namespace, rabbitmq=True)
    try:
        one.bring_up()
        yield one
    finally:
        one.close()


def test_row_rabbitmq_producer_with_delay_apply_async_and_get(shop: ShopOnCluster) -> None:
    answers = shop.produce("results")
    assert answers.pop("seconds") > 2
    assert answers == {"delay": 6, "by_id": 4, "options": 25, "countdown": 3}


def test_row_rabbitmq_five_pool_types_each_execute(shop: ShopOnCluster) -> None:
    pools = shop.produce("pools")
    patched = {queue: one["patched_by"] for queue, one in pools["who"].items()}
    assert patched == {"orders": None, "files": None, "ledger": None, "mail": "gevent", "sms": "eventlet"}
    for task, seconds in pools["seconds"].items():
        assert seconds < 50, f"100 waits of 1 s with {task} took {seconds:.0f} s: they did not wait together"


def test_row_rabbitmq_canvas_and_retries(shop: ShopOnCluster) -> None:
    canvas: Mapping[str, Any] = shop.produce("canvas")
    assert (canvas["group"], canvas["chain"]) == ([118, 236, 354], 164)
    assert canvas["chord"] == {"items": 3, "total": 708}
    assert canvas["attempts"] == 3
    assert canvas["chain_with_retries"] == {"order": canvas["order"], "state": "confirmed"}


def test_row_rabbitmq_both_queues_of_a_pool_are_served_in_turns_and_nothing_is_lost(
    shop: ShopOnCluster,
) -> None:
    low = shop.send("orders.tasks.restock", count=40)
    high = shop.send("orders.tasks.pack", count=40)
    done = shop.wait_until_done([*low, *high])
    assert {one.state for one in done} == {"SUCCESS"}
    assert _condition(shop, "workerpool", "priority", "FullySupported")["reason"] == "QueueOrderNotSupported"


def test_row_rabbitmq_pods_come_and_go_with_the_queue(shop: ShopOnCluster) -> None:
    ids = shop.send("orders.tasks.export", count=10, seconds=20)
    wait_for(lambda: shop.replicas("exports") == 10, 90, what="10 pods", poll=0.5)
    assert {one.state for one in shop.wait_until_done(ids)} == {"SUCCESS"}
    wait_for(lambda: shop.replicas("exports") == 3, 120, what="3 pods again", poll=0.5)


def test_row_rabbitmq_periodic_tasks_are_those_of_the_database(shop: ShopOnCluster) -> None:
    refused = _condition(shop, "periodicschedule", "remind", "Stalled")
    assert (refused["status"], refused["reason"]) == ("True", "RedisRequired")
    shop.produce("periodic", ACTION="create")

    def runs() -> int:
        shown = shop.produce("periodic", ACTION="show")["runs"]
        return int(shown.get("made-at-run-time", 0))

    wait_for(lambda: runs() >= 3, 120, what="three runs of the task made at run time", poll=0.5)
    shop.produce("periodic", ACTION="delete")


def _condition(shop: ShopOnCluster, kind: str, name: str, condition: str) -> Object:
    live = json.loads(shop.kubectl("get", kind, name, "--output=json"))
    found: Object = next(one for one in live["status"]["conditions"] if one["type"] == condition)
    return found
