"""Objects as the operator reads and writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskfleet.api import (
    KINDS,
    Broker,
    Decision,
    InvalidObject,
    Key,
    KindInfo,
    Object,
    PeriodicSchedule,
    TaskQueue,
    WorkerPool,
)
from tests.envtest.rules import CASES
from tests.envtest.rules.case import Case, build


def pool(**spec: Any) -> WorkerPool:
    return WorkerPool.parse(build("WorkerPool", spec))


def test_an_object_knows_its_names() -> None:
    metadata = {"name": "orders", "namespace": "shop", "uid": "u1", "generation": 3, "labels": {"a": "b"}}
    seen = WorkerPool.parse({**build("WorkerPool", {}), "metadata": metadata})
    assert seen.key == Key("WorkerPool", "shop", "orders")
    assert str(seen.key) == "WorkerPool shop/orders"
    assert (seen.metadata.uid, seen.metadata.generation, seen.metadata.labels) == ("u1", 3, {"a": "b"})


def test_fields_of_a_newer_version_are_ignored() -> None:
    assert pool(color="blue", autoscale={"maxReplicas": 3, "speed": "high"}).spec.autoscale is not None


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.answer.startswith('Invalid value: "object"') and case.before is None],
    ids=str,
)
def test_an_object_that_only_breaks_a_rule_is_still_read(case: Case) -> None:
    """It may have been stored before the rule was made."""
    model = next(info.model for info in KINDS if info.kind == case.kind)
    assert model.parse(build(case.kind, case.rejected)).name == "subject"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param(
            {"timeLimit": "ten"},
            "spec.timeLimit is 'ten': must be a duration, such as 30s, 5m or 1h30m. "
            "Correct it and apply again.",
            id="duration",
        ),
        pytest.param(
            {"pool": "processes"},
            "spec.pool is 'processes': Input should be 'prefork', 'threads', 'gevent', 'eventlet' or 'solo'. "
            "Correct it and apply again.",
            id="unknown-word",
        ),
        pytest.param(
            {"image": None, "autoscale": {}},
            "spec.image: Field required. Correct it and apply again. 1 more problem follows.",
            id="several",
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_named(spec: Object, sentence: str) -> None:
    with pytest.raises(InvalidObject) as error:
        pool(**spec)
    assert str(error.value) == sentence


def test_a_status_is_written_in_the_words_of_the_crd() -> None:
    when = datetime(2030, 1, 31, 8, 0, 0, 123456, tzinfo=UTC)
    decision = Decision(time=when, from_replicas=1, to=4, reason="Demand", message="4 waiting")
    assert decision.to_object() == {
        "time": "2030-01-31T08:00:00Z",
        "from": 1,
        "to": 4,
        "reason": "Demand",
        "message": "4 waiting",
    }
    assert Decision.model_validate(decision.to_object()).from_replicas == 1


@pytest.mark.parametrize(
    ("spec", "capacity"),
    [
        ({}, None),
        ({"pool": "threads", "resources": {"limits": {"cpu": 4}}}, None),
        ({"pool": "solo"}, 1),
        ({"pool": "gevent", "concurrency": 7}, 7),
        ({"concurrency": 7}, 7),
    ],
    ids=str,
)
def test_capacity_is_the_apps_or_the_nodes_to_say_where_nothing_is_set(
    spec: Object, capacity: int | None
) -> None:
    assert pool(**spec).spec.capacity == capacity


def test_a_pool_goes_by_what_its_pods_told() -> None:
    worker = {
        "celeryVersion": "5.7.0", "kombuVersion": "5.7.0", "pythonVersion": "3.12.1", "pool": "threads",
        "capacity": 8, "queues": ["mail", "sms"], "acksLate": True, "prefetchCount": 8, "inputsHash": "1",
    }  # fmt: skip
    told = WorkerPool.parse({**pool().to_object(), "status": {"worker": worker}})
    assert (told.queues, told.capacity) == (("mail", "sms"), 8)
    assert (pool().queues, pool().capacity) == ((), 1)
    given = pool(queues=["a"], concurrency=2)
    given = WorkerPool.parse({**given.to_object(), "status": {"worker": worker}})
    assert (given.queues, given.capacity) == (("a",), 2)


def test_capacity_is_the_most_processes_of_a_pod() -> None:
    assert pool(processAutoscale={"min": 3, "max": 10}).spec.capacity == 10


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, timedelta(minutes=10)),
        ({"timeLimit": "20m"}, timedelta(minutes=20, seconds=45)),
        ({"timeLimit": "20m", "terminationGracePeriod": "1h"}, timedelta(hours=1)),
    ],
    ids=str,
)
def test_the_grace_period_covers_the_longest_task(spec: Object, expected: timedelta) -> None:
    assert pool(**spec).spec.effective_grace_period == expected


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        ({}, 1),
        ({"replicas": 0}, 0),
        ({"replicas": 3}, 3),
        ({"replicas": 3, "suspend": True}, 0),
        ({"autoscale": {"maxReplicas": 5}, "suspend": True}, 0),
        ({"autoscale": {"maxReplicas": 5}}, None),
        ({"autoscale": {"maxReplicas": 5}, "replicas": 3}, None),
    ],
    ids=str,
)
def test_the_size_is_fixed_unless_autoscale_decides_it(spec: Object, size: int | None) -> None:
    assert pool(**spec).spec.fixed_size == size


def test_a_broker_is_managed_unless_it_is_external() -> None:
    assert Broker.parse(build("Broker", {})).spec.managed
    assert Broker.parse(build("Broker", {})).spec.effective_redis.storage.size == "1Gi"
    external = {"external": {"urlSecretRef": {"name": "redis", "key": "url"}}}
    assert not Broker.parse(build("Broker", external)).spec.managed


def test_a_queue_is_called_as_its_object_unless_it_says_otherwise() -> None:
    assert TaskQueue.parse(build("TaskQueue", {})).queue_name == "subject"
    assert TaskQueue.parse(build("TaskQueue", {"queueName": "emails"})).queue_name == "emails"


def test_arguments_of_a_schedule_are_any_json() -> None:
    arguments = [None, 1, "two", {"three": [4.5, None]}]
    assert PeriodicSchedule.parse(build("PeriodicSchedule", {"args": arguments})).spec.args == arguments


@pytest.mark.parametrize("info", KINDS, ids=lambda info: info.kind)
def test_a_kind_is_named_as_its_model(info: KindInfo) -> None:
    assert info.model.__name__ == info.kind
