"""From what was seen of a queue to the status of its TaskQueue."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Key, Object, TaskQueue
from taskfleet.api.reasons import QueueReason, Reason
from taskfleet.brokers.queues.consumers import PoolConsumer
from taskfleet.brokers.queues.message_rates import MessageRates
from taskfleet.brokers.queues.queue_stats import QueueStats
from taskfleet.controllers.queue_status import QueueSeen, queue_status
from taskfleet.controllers.request_results import RequestResult
from tests.unit.objects import own

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MAIL = PoolConsumer("uid", ("emails",))
SUSPENDED = PoolConsumer("uid", ("emails",), stopped="is suspended; set spec.suspend to false")
FAILING = PoolConsumer("uid", ("emails",), trouble="is not ready (ImagePullFailed)")


def status(
    *,
    pools: dict[str, PoolConsumer] | None = None,
    alert: Object | None = None,
    problem: Any = None,
    purged: RequestResult | None = None,
    **figures: Any,
) -> Object:
    spec = {"alertAbove": alert} if alert else {}
    seen = QueueSeen(
        TaskQueue.parse(own("TaskQueue", "emails", spec)),
        figures=QueueStats(**({"waiting": (0, 0, 0, 0)} | figures)) if problem is None else None,
        pools={Key("WorkerPool", "shop", name): reader for name, reader in (pools or {}).items()},
        problem=problem,
        purged=purged,
    )
    return queue_status(seen, now=NOW)


def verdict(told: Object, kind: str) -> tuple[str, str]:
    one = next(one for one in told["conditions"] if one["type"] == kind)
    return one["status"], one["reason"]


def message(told: Object, kind: str) -> str:
    return str(next(one["message"] for one in told["conditions"] if one["type"] == kind))


def test_all_that_is_known_is_shown() -> None:
    told = status(
        pools={"mail": MAIL},
        waiting=(2, 0, 1, 0),
        unacked=4,
        consuming={"mail": 3},
        age=95,
        rates=MessageRates(arrival=2.5, done=1.0, other=0.5),
    )
    fields = {name: value for name, value in told.items() if name != "conditions"}
    assert fields == {
        "observedGeneration": 1,
        "waiting": 3,
        "waitingByPriority": [{"priority": 0, "waiting": 2}, {"priority": 6, "waiting": 1}],
        "unacked": 4,
        "oldestAge": "1m35s",
        "consumers": 3,
        "pools": ["mail"],
        "arrivalRate": 2.5,
        "completionRate": 1.5,
        "otherRate": 0.5,
    }


def test_priorities_are_shown_only_where_they_are_used() -> None:
    assert status(waiting=(7, 0, 0, 0))["waitingByPriority"] is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"pools": {"mail": MAIL}}, ("True", "ConsumedByPool"), id="a-pool-that-may-be-at-zero"),
        pytest.param({}, ("False", "NoConsumer"), id="nobody"),
        pytest.param({"pools": {"mail": SUSPENDED}}, ("False", "PoolsStopped"), id="suspended"),
        pytest.param(
            {"pools": {"mail": SUSPENDED}, "consuming": {"mail": 2}},
            ("False", "PoolsStopped"),
            id="suspended-while-its-pods-have-not-heard",
        ),
        pytest.param({"pools": {"mail": FAILING}}, ("False", "PoolsStopped"), id="pods-do-not-come-up"),
        pytest.param(
            {"pools": {"mail": FAILING}, "consuming": {"mail": 1}},
            ("True", "ConsumedByPool"),
            id="new-pods-fail-and-old-ones-work",
        ),
        pytest.param(
            {"pools": {"mail": SUSPENDED, "other": MAIL}},
            ("True", "ConsumedByPool"),
            id="another-pool-reads-it",
        ),
        pytest.param({"rates": MessageRates(other=0.2)}, ("True", "ConsumedExternally"), id="somebody-else"),
    ],
)
def test_consumed(given: Any, expected: tuple[str, str]) -> None:
    assert verdict(status(**given), "Consumed") == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param(
            {"waiting": (3,)},
            "3 messages wait in queue `emails`, and no WorkerPool consumes it. Add the queue to "
            "spec.queues of a WorkerPool.",
            id="no-pool",
        ),
        pytest.param(
            {"waiting": (1,), "pools": {"mail": SUSPENDED}},
            "1 message waits in queue `emails`: WorkerPool 'mail' is suspended; set spec.suspend to false.",
            id="suspended",
        ),
        pytest.param(
            {"pools": {"mail": MAIL, "post": MAIL}, "consuming": {"mail": 2}},
            "WorkerPools 'mail', 'post' consume it; 2 pods are fetching.",
            id="consumed",
        ),
    ],
)
def test_consumed_says_who_or_what_to_do(given: Any, sentence: str) -> None:
    assert message(status(**given), "Consumed") == sentence


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"waiting": (3,)}, ("True", "BelowAlert"), id="no-alert"),
        pytest.param({"waiting": (3,), "pools": {}}, ("False", "NotConsumed"), id="waits-in-vain"),
        pytest.param({"waiting": (0,), "pools": {}}, ("True", "BelowAlert"), id="nothing-waits-in-vain"),
        pytest.param({"waiting": (5,), "alert": {"waiting": 5}}, ("True", "BelowAlert"), id="at-the-limit"),
        pytest.param(
            {"waiting": (3, 3), "alert": {"waiting": 5}}, ("False", "WaitingAboveAlert"), id="above-the-limit"
        ),
        pytest.param(
            {"waiting": (1,), "age": 60, "alert": {"age": "1m"}},
            ("True", "BelowAlert"),
            id="as-old-as-may-be",
        ),
        pytest.param(
            {"waiting": (1,), "age": 70, "alert": {"age": "1m"}}, ("False", "AgeAboveAlert"), id="too-old"
        ),
        pytest.param(
            {"waiting": (1,), "age": None, "alert": {"age": "1m"}}, ("True", "BelowAlert"), id="age-unknown"
        ),
    ],
)
def test_healthy(given: Any, expected: tuple[str, str]) -> None:
    assert verdict(status(**({"pools": {"mail": MAIL}} | given)), "Healthy") == expected


def test_an_age_says_that_it_is_an_estimate() -> None:
    told = status(pools={"mail": MAIL}, waiting=(1,), age=150, alert={"age": "1m"})
    expected = (
        "The oldest message has waited for an estimated 2m30s, which is above alertAbove.age (1m). "
        "Add workers or raise the limit."
    )
    assert message(told, "Healthy") == expected


def test_a_broker_that_does_not_tell_leaves_nothing_that_looks_new() -> None:
    told = status(problem=(QueueReason.BROKER_NOT_READY, "Broker 'default' is not ready: no answer."))
    assert (told["waiting"], told["consumers"], told["arrivalRate"], told["pools"]) == (
        None,
        None,
        None,
        None,
    )
    assert verdict(told, "Ready") == ("False", "BrokerNotReady")
    assert verdict(told, "Consumed") == verdict(told, "Healthy") == ("Unknown", "Unknown")


def test_what_only_a_broker_cures_does_not_stall() -> None:
    told = status(problem=(Reason.BROKER_MISSING, "Broker 'default' does not exist."))
    assert verdict(told, "Stalled")[0] == "False"


@pytest.mark.parametrize(
    ("purged", "expected"),
    [
        pytest.param(None, None, id="nothing-asked"),
        pytest.param(RequestResult("t"), None, id="not-possible-yet"),
        pytest.param(RequestResult("t", 7), {"messages": 7}, id="done"),
        pytest.param(
            RequestResult("t", 0, "Consumed."), {"messages": 0, "refused": "Consumed."}, id="refused"
        ),
    ],
)
def test_last_purge(purged: RequestResult | None, expected: Object | None) -> None:
    answered = {"token": "t", "time": "2026-01-01T12:00:00Z"}
    told = status(purged=purged).get("lastPurge")
    assert told == (None if expected is None else answered | expected)


def test_consumers_that_the_broker_counts_are_somebody() -> None:
    told = status(waiting=(3,), others=2)
    assert told["consumers"] == 2
    assert verdict(told, "Consumed") == ("True", "ConsumedExternally")
    assert verdict(told, "Healthy") == ("True", "BelowAlert")
