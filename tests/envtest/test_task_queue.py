"""TaskQueues and what a Broker tells of its queues: a real API server and a real Redis, no pod ever starts."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import external_broker, secret
from tests.envtest.conditions import condition, events_of, wait_for_condition
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import worker_pool
from tests.envtest.queues import task_queue
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for

# Of the operator itself 2 s; ten times that, for the machine may be busy.
FOLLOWS_WITHIN = 20.0


@pytest.fixture(scope="module")
def broker(
    kube: Kube, shared_namespace: str, redis_server: RedisServer, module_operator: OperatorProcess
) -> Object:
    """With a visibility timeout so short that its slow look comes every second."""
    assert module_operator.running
    kube.apply(secret(shared_namespace, "default-url", url=redis_server.url))
    made = {**kube.apply(external_broker(shared_namespace, visibilityTimeout="4s")), "kind": "Broker"}
    return wait_for_condition(kube, made, "Ready", "True")


@pytest.fixture
def queue(kube: Kube, broker: Object, redis_server: RedisServer, request: pytest.FixtureRequest) -> Object:
    """A TaskQueue in which three messages wait that no pool reads."""
    name = f"q{abs(hash(request.node.name)) % 10**8}"
    redis_server.client.lpush(name, "a", "b")
    redis_server.client.lpush(f"{name}\x06\x166", "c")
    made = task_queue(broker["metadata"]["namespace"], name)
    return wait_for_condition(
        kube, {**kube.apply(made), "kind": "TaskQueue"}, "Consumed", "False", "NoConsumer"
    )


@pytest.fixture
def pool(kube: Kube, queue: Object) -> Iterator[Object]:
    """A pool that reads the queue, at zero pods for now."""
    name, namespace = queue["metadata"]["name"], queue["metadata"]["namespace"]
    autoscale = {"minReplicas": 0, "maxReplicas": 1}
    yield {
        **kube.apply(worker_pool(namespace, "mail", queues=[name], autoscale=autoscale)),
        "kind": "WorkerPool",
    }
    kube.delete("WorkerPool", "mail", namespace)


def live(kube: Kube, obj: Object) -> Object:
    metadata = obj["metadata"]
    return kube.get(obj["kind"], metadata["name"], metadata["namespace"]) or {}


def test_a_queue_shows_what_waits_and_that_nobody_takes_it(
    kube: Kube, queue: Object, shared_namespace: str, kubeconfig: Any
) -> None:
    name = queue["metadata"]["name"]
    told = wait_for_condition(kube, queue, "Healthy", "False", "NotConsumed")
    assert condition(told, "Consumed")["message"] == (
        f"3 messages wait in queue `{name}`, and no WorkerPool consumes it. Add the queue to "
        "spec.queues of a WorkerPool."
    )
    assert told["status"]["waitingByPriority"] == [
        {"priority": 0, "waiting": 2},
        {"priority": 6, "waiting": 1},
    ]
    header, row = Kubectl(kubeconfig, namespace=shared_namespace)("get", "tq", name).splitlines()
    assert header.split() == [
        "NAME",
        "WAITING",
        "UNACKED",
        "OLDEST",
        "IN/S",
        "OUT/S",
        "POOLS",
        "HEALTHY",
        "AGE",
    ]
    assert row.split()[:3] == [name, "3", "0"]
    reasons = wait_for(lambda: {event["reason"] for event in events_of(kube, queue)}, 20, what="events")
    assert reasons <= {"NoConsumer", "NotConsumed"}


def test_conditions_follow_a_pool_that_is_suspended_and_resumed(
    kube: Kube, queue: Object, pool: Object
) -> None:
    wait_for_condition(kube, queue, "Consumed", "True", "ConsumedByPool")
    took = []
    for suspend, holds in ((True, "False"), (False, "True"), (True, "False"), (False, "True")):
        since = time.monotonic()
        kube.patch("WorkerPool", "mail", pool["metadata"]["namespace"], {"spec": {"suspend": suspend}})
        wait_for_condition(kube, queue, "Consumed", holds, timeout=FOLLOWS_WITHIN)
        wait_for_condition(kube, queue, "Healthy", holds, timeout=FOLLOWS_WITHIN)
        took.append(time.monotonic() - since)
    print(f"Consumed and Healthy followed after {', '.join(f'{one:.2f}' for one in took)} s")


def test_a_queue_is_unhealthy_above_its_limit_only(
    kube: Kube, queue: Object, pool: Object, redis_server: RedisServer
) -> None:
    assert pool
    name, namespace = queue["metadata"]["name"], queue["metadata"]["namespace"]
    kube.patch("TaskQueue", name, namespace, {"spec": {"alertAbove": {"waiting": 3}}})
    wait_for_condition(kube, queue, "Healthy", "True", "BelowAlert")
    redis_server.client.lpush(name, "d")
    wait_for_condition(kube, queue, "Healthy", "False", "WaitingAboveAlert", timeout=FOLLOWS_WITHIN)
    redis_server.client.lpop(name)
    wait_for_condition(kube, queue, "Healthy", "True", "BelowAlert", timeout=FOLLOWS_WITHIN)


def test_an_old_message_makes_a_queue_unhealthy(kube: Kube, queue: Object, pool: Object) -> None:
    assert pool
    name, namespace = queue["metadata"]["name"], queue["metadata"]["namespace"]
    kube.patch("TaskQueue", name, namespace, {"spec": {"alertAbove": {"age": "1s"}}})
    told = wait_for_condition(kube, queue, "Healthy", "False", "AgeAboveAlert", saying="an estimated")
    assert told["status"]["oldestAge"]


def test_a_queue_is_purged_once_for_each_value(kube: Kube, queue: Object, redis_server: RedisServer) -> None:
    name, namespace = queue["metadata"]["name"], queue["metadata"]["namespace"]
    kube.patch("TaskQueue", name, namespace, {"spec": {"purge": "one"}})
    answer = wait_for(lambda: live(kube, queue)["status"].get("lastPurge"), 60, what="an answer")
    assert answer is not None
    assert (answer["token"], answer["messages"], "refused" in answer) == ("one", 3, False)
    wait_for_condition(kube, queue, "Healthy", "True")
    redis_server.client.lpush(name, "later")
    kube.patch("TaskQueue", name, namespace, {"metadata": {"labels": {"touched": "yes"}}})
    wait_for_condition(kube, queue, "Healthy", "False", "NotConsumed")
    assert redis_server.lines(name) == ["later"]


def test_a_queue_without_a_broker_says_so_until_there_is_one(
    kube: Kube, shared_namespace: str, redis_server: RedisServer, module_operator: OperatorProcess
) -> None:
    assert module_operator.running
    made = {
        **kube.apply(task_queue(shared_namespace, "early", brokerRef={"name": "late"})),
        "kind": "TaskQueue",
    }
    told = wait_for_condition(kube, made, "Ready", "False", "BrokerMissing")
    assert condition(told, "Consumed")["status"] == "Unknown"
    kube.apply(secret(shared_namespace, "late-url", url=redis_server.url))
    kube.apply(external_broker(shared_namespace, "late"))
    wait_for_condition(kube, made, "Ready", "True", "Observed")


def test_a_broker_names_queues_that_nobody_reads(
    kube: Kube, broker: Object, redis_server: RedisServer, module_operator: OperatorProcess
) -> None:
    redis_server.client.sadd("_kombu.binding.lost", "lost\x06\x16\x06\x16lost")
    redis_server.client.lpush("lost", *(["a"] * 50))
    wanted = {"name": "lost", "waiting": 50}
    wait_for(lambda: wanted in live(kube, broker)["status"].get("unconsumedQueues", []), 60, what="the queue")
    assert module_operator.metric("taskfleet_unconsumed_queues") >= 1
    assert module_operator.metric("taskfleet_unconsumed_messages") >= 50
    redis_server.client.delete("lost")
    wait_for(
        lambda: wanted not in live(kube, broker)["status"].get("unconsumedQueues", []), 60, what="its end"
    )


def test_expired_messages_go_back_and_what_belongs_nowhere_is_kept(
    kube: Kube, broker: Object, redis_server: RedisServer, module_operator: OperatorProcess
) -> None:
    for tag, exchange in {"back": "", "stays": "unknown"}.items():
        message = {"headers": {"id": tag}, "properties": {"delivery_info": {"routing_key": "theirs"}}}
        redis_server.client.hset("unacked", tag, json.dumps([message, exchange, "theirs"]))
        redis_server.client.zadd("unacked_index", {tag: time.time() - 5})
    told = wait_for(
        lambda: status if (status := live(kube, broker)["status"]).get("expiredRequeued") else None,
        60,
        what="the count",
    )
    assert told is not None
    assert (told["expiredRequeued"], told["expiredUnroutable"]) == (1, 1)
    assert redis_server.waiting("theirs") == ["back"]
    assert redis_server.client.hkeys("unacked") == ["stays"]
    labels = {"namespace": broker["metadata"]["namespace"], "broker": "default"}
    assert module_operator.metric("taskfleet_expired_messages_requeued_total", labels) == 1
    assert module_operator.metric("taskfleet_expired_messages_unroutable", labels) == 1
