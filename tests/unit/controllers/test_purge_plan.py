"""Whether a queue is purged, from what is known of it."""

from typing import Any

import pytest

from taskfleet.api import Key, TaskQueue
from taskfleet.brokers.queues.message_rates import MessageRates
from taskfleet.brokers.queues.queue_stats import QueueStats
from taskfleet.controllers.plan import Plan, PurgeQueue
from taskfleet.controllers.purge_plan import plan_purge
from taskfleet.controllers.request_results import RequestResult
from tests.unit.objects import NAMESPACE, own

BROKER = Key("Broker", NAMESPACE, "default")


def plan(purge: str | None, figures: QueueStats | None) -> Plan:
    spec = {} if purge is None else {"purge": purge}
    return plan_purge(TaskQueue.parse(own("TaskQueue", "emails", spec)), BROKER, figures)


def stats(**changes: Any) -> QueueStats:
    return QueueStats((3,), **{"watched_for": 8.0, **changes})


def removal(token: str) -> PurgeQueue:
    return PurgeQueue(Key("TaskQueue", NAMESPACE, "emails"), "uid-of-emails", BROKER, "emails", token)


@pytest.mark.parametrize(
    ("token", "figures"),
    [
        pytest.param("first", stats(), id="nobody-consumes"),
        pytest.param("first", QueueStats((0,)), id="empty-is-not-watched-first"),
        pytest.param("second force", stats(consuming={"mail": 1}, watched_for=0.0), id="forced"),
    ],
)
def test_a_purge_is_requested(token: str, figures: QueueStats) -> None:
    assert plan(token, figures) == Plan(requests=(removal(token),))


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        pytest.param(stats(consuming={"mail": 2}), "consumed by WorkerPools: mail (2 pods)", id="pools"),
        pytest.param(stats(undrained=1), "1 pod of its WorkerPools are still draining", id="drain"),
        pytest.param(stats(others=2), "clients outside of Taskfleet: 2", id="consumers"),
        pytest.param(stats(rates=MessageRates(other=1.0)), "during the last minute", id="other-clients"),
    ],
)
def test_a_purge_is_refused_while_others_consume(figures: QueueStats, said: str) -> None:
    (result,) = plan("first", figures).results
    assert isinstance(result, RequestResult)
    assert result.messages == 0
    assert result.refused is not None
    assert said in result.refused


@pytest.mark.parametrize(
    "figures",
    [
        pytest.param(None, id="broker-away"),
        pytest.param(stats(watched_for=7.0), id="not-watched-for-long-enough"),
    ],
)
def test_a_purge_waits(figures: QueueStats | None) -> None:
    assert plan("first", figures) == Plan(results=(RequestResult("first"),))


def test_nothing_is_done_without_a_request() -> None:
    assert plan(None, stats()) == Plan()
