"""What the worker counts of its tasks: the first outcome of each message, within its limits."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.pool import outcomes as module
from taskfleet_worker.pool.outcomes import OTHER, Field, Outcomes, exception_name, waited

NOW = 1_800_000_000.0


def request(name: str = "shop.pay", queue: str = "high", **changes: Any) -> Any:
    """Celery's request; `changes` are those of its message."""
    told = {"delivery_tag": "t", "delivery_info": {"routing_key": queue}, "properties": {}, "headers": {}}
    eta = changes.pop("eta", None)
    message = SimpleNamespace(**{**told, **changes})
    return SimpleNamespace(task=SimpleNamespace(name=name), message=message, eta=eta)


def field(kind: str, name: str, queue: str, detail: str = "") -> Field:
    return kind, name, queue, detail


@pytest.fixture
def counted() -> Outcomes:
    one = Outcomes(Deliveries())
    one.followed = True
    return one


def totals(counted: Outcomes, *kinds: str) -> dict[Field, int]:
    counted.add_up()
    return {each: total for each, total in counted.totals().items() if not kinds or each[0] in kinds}


def test_a_success_has_its_runtime(counted: Outcomes) -> None:
    task = request()
    counted.started(task)
    counted.succeeded(task, 0.3)
    assert totals(counted) == {
        field("started", "shop.pay", "high"): 1,
        field("succeeded", "shop.pay", "high"): 1,
        field("runtimeCount", "shop.pay", "high"): 1,
        field("runtimeMicroseconds", "shop.pay", "high"): 300_000,
        field("runtimeBucket", "", "high", "0.5"): 1,
    }


def test_a_message_has_one_outcome(counted: Outcomes) -> None:
    # As a hard time limit on prefork: the failure of the child, and the callback of the limit.
    task = request()
    counted.started(task)
    counted.failed(task, ValueError())
    counted.failed(task, KeyError())
    counted.ended(task, "revoked")
    counted.interrupted(task)
    counted.started(task)
    assert totals(counted) == {
        field("started", "shop.pay", "high"): 1,
        field("failed", "shop.pay", "high", "ValueError"): 1,
    }


def test_a_task_that_expired_counts_as_revoked_too(counted: Outcomes) -> None:
    counted.ended(request(), "expired")
    assert totals(counted) == {
        field("expired", "shop.pay", "high"): 1,
        field("revoked", "shop.pay", "high"): 1,
    }


def test_what_never_started_is_not_interrupted(counted: Outcomes) -> None:
    counted.interrupted(request())
    assert totals(counted) == {}


def test_what_runs_when_the_process_leaves_is_interrupted_once(counted: Outcomes) -> None:
    over, running = request(), request()
    for task in (over, running):
        counted.started(task)
    counted.succeeded(over, None)
    counted.interrupt()
    counted.interrupt()
    assert totals(counted, "interrupted") == {field("interrupted", "shop.pay", "high"): 1}


def test_names_and_classes_beyond_the_limits_are_others(counted: Outcomes) -> None:
    for number in range(module.MAX_NAMES + 3):
        counted.ended(request(f"shop.t{number}"), "ignored")
    assert totals(counted)[field("ignored", OTHER, "high")] == 3
    for number in range(module.MAX_EXCEPTIONS + 2):
        counted.failed(request("shop.t0"), type(f"E{number}", (Exception,), {})())
    assert totals(counted)[field("failed", "shop.t0", "high", OTHER)] == 2


@pytest.mark.parametrize("name", ["a\nb", "", "\x1b[31m"])
def test_a_name_that_no_label_should_have_is_an_other(counted: Outcomes, name: str) -> None:
    counted.ended(request(name), "ignored")
    assert totals(counted) == {field("ignored", OTHER, "high"): 1}


def test_nothing_is_kept_where_nobody_adds_up() -> None:
    counted = Outcomes(Deliveries())
    counted.started(request())
    assert not counted.add_up()


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0.0, "0.005"), (0.005, "0.005"), (0.0051, "0.01"), (3600.1, "+Inf")]
)
def test_a_bucket_includes_its_bound(counted: Outcomes, seconds: float, bound: str) -> None:
    counted.succeeded(request(), seconds)
    assert totals(counted, "runtimeBucket") == {field("runtimeBucket", "", "high", bound): 1}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, None, id="nothing-told"),
        pytest.param({"eta": datetime.fromtimestamp(NOW - 7, UTC)}, 7, id="eta"),
        pytest.param({"headers": {"timestamp": NOW - 3}}, 3, id="header"),
        pytest.param({"properties": {"timestamp": int(NOW) - 4}}, 4, id="property"),
        pytest.param({"eta": datetime.fromtimestamp(0, UTC)}, module.MAX_WAIT, id="an-old-eta"),
        pytest.param({"headers": {"timestamp": NOW + 9}}, 0, id="another-clock"),
        pytest.param({"headers": {"timestamp": "2027-01-15"}}, None, id="a-text"),
        pytest.param({"headers": {"timestamp": 12}}, None, id="no-unix-time"),
        pytest.param(
            {"headers": {"timestamp": NOW - 3}, "delivery_info": {"redelivered": True}}, None, id="again"
        ),
    ],
)
def test_how_long_a_task_waited_is_what_its_message_tells(
    changes: dict[str, Any], expected: float | None
) -> None:
    assert waited(request(**changes), NOW) == expected


def test_an_exception_that_could_not_be_pickled_keeps_its_name() -> None:
    error = Exception()
    error.exc_cls_name = "ApiError"  # type: ignore[attr-defined]
    assert exception_name(error) == "ApiError"
