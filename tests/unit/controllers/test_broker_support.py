"""What only Redis offers is said where it is asked for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Broker, Object, WorkerPool
from taskfleet.brokers.capabilities import RABBITMQ, REDIS, Capabilities
from taskfleet.controllers.broker_support import broker_support, pool_support, results_problem
from taskfleet.controllers.pool_status import PoolSeen, pool_status
from tests.unit.objects import broker, conditions, of_type, pool

EXTERNAL: dict[str, Any] = {"external": {"urlSecretRef": {"name": "company", "key": "url"}}}
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def verdict(capabilities: Capabilities | None = RABBITMQ, **spec: Any) -> Object:
    told = pool_support(WorkerPool.parse(pool(**spec)), capabilities)
    assert len(told) == 1
    return told[0]


def test_a_redis_has_no_such_condition() -> None:
    assert broker_support(Broker.parse(broker(**EXTERNAL)), REDIS) == []
    assert pool_support(WorkerPool.parse(pool()), REDIS) == []


def test_a_rabbitmq_names_everything_that_it_lacks() -> None:
    (told,) = broker_support(Broker.parse(broker(**EXTERNAL)), RABBITMQ)
    assert (told["status"], told["reason"]) == ("False", "RedisRequired")
    lacking = (
        "strict queue order",
        "zero prefetch",
        "consumer_timeout",
        "PeriodicSchedules",
        "dead letters",
        "records of failed tasks",
    )
    assert [what for what in lacking if what not in told["message"]] == []


def test_before_the_first_look_the_condition_stays_as_it_was() -> None:
    status = conditions(FullySupported="False RedisRequired")
    (told,) = broker_support(Broker.parse(broker(status=status, **EXTERNAL)), None)
    assert told["reason"] == "RedisRequired"
    assert broker_support(Broker.parse(broker(status=status)), None) == [], "managed by now"


@pytest.mark.parametrize(
    ("spec", "status", "reason", "says"),
    [
        pytest.param(
            {"timeLimit": "10m"}, "True", "Supported", "supports everything", id="short-tasks-of-one-queue"
        ),
        pytest.param(
            {"acknowledge": "Early"},
            "True",
            "Supported",
            "supports everything",
            id="early-are-never-given-back",
        ),
        pytest.param({}, "False", "ConsumerTimeout", "timeLimit is not set", id="no-limit"),
        pytest.param({"timeLimit": "45m"}, "False", "ConsumerTimeout", "timeLimit is 45m", id="limit-above"),
        pytest.param(
            {"timeLimit": "10m", "queues": ["a", "b"]},
            "False",
            "QueueOrderNotSupported",
            "is supported on Redis only",
            id="strict-order",
        ),
        pytest.param(
            {"timeLimit": "10m", "failures": {"messages": True}},
            "False",
            "FailuresNotSupported",
            "keeps no records of failed tasks",
            id="messages-of-failures",
        ),
        pytest.param(
            {"timeLimit": "10m", "failures": {"limit": 5}},
            "True",
            "Supported",
            "supports everything",
            id="failures-as-far-as-possible",
        ),
        pytest.param(
            {"timeLimit": "10m", "queues": ["a", "b"], "queueOrder": "RoundRobin"},
            "True",
            "Supported",
            "supports everything",
            id="turns-are-wanted",
        ),
        pytest.param(
            {"queues": ["a", "b"]}, "False", "QueueOrderNotSupported", "consumer_timeout", id="both-are-told"
        ),
    ],
)
def test_a_pool_on_rabbitmq(spec: Object, status: str, reason: str, says: str) -> None:
    told = verdict(**spec)
    assert (told["status"], told["reason"]) == (status, reason)
    assert says in told["message"]


def test_results_beside_the_queues_need_a_redis() -> None:
    asks = WorkerPool.parse(pool(resultBackend={"broker": {"database": 1}}))
    assert results_problem(asks, REDIS) is None
    assert "the broker is a RabbitMQ" in (results_problem(asks, RABBITMQ) or "")
    assert results_problem(WorkerPool.parse(pool()), RABBITMQ) is None


def test_a_pools_status_carries_it() -> None:
    seen = PoolSeen(WorkerPool.parse(pool()), capabilities=RABBITMQ)
    assert of_type(pool_status(seen, now=NOW), "FullySupported")["reason"] == "ConsumerTimeout"
