"""What a worker records of a failed task: bounded, and without a word of the app's that could fail it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from taskfleet_worker.deliveries import LOSSES, Delivery
from taskfleet_worker.pool import failures as module
from taskfleet_worker.pool.failures import Failure, Failures, sent_again
from taskfleet_worker.pool.outcomes import OfQueue, OfTask, Run
from taskfleet_worker.settings import FailureSettings

ALL = FailureSettings(arguments=True, messages=True)


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def payload(**headers: Any) -> dict[str, Any]:
    told = {"id": "id-1", "task": "shop.pay", "retries": 3, "eta": "2020-01-01T00:00:00Z", "expires": 1}
    info = {"exchange": "", "routing_key": "high", "redelivered": True}
    properties = {"priority": 6, "delivery_tag": "t", "delivery_info": info}
    return {LOSSES: 2, "body": "W10=", "headers": {**told, **headers}, "properties": properties}


def run(message: dict[str, Any] | None = None, place: str | None = "high") -> Run:
    delivery = Delivery(
        "high", place, "high.dead", 1, message if message is not None else payload(), eta=False
    )
    return Run(OfTask("shop.pay", OfQueue("high")), "high", delivery)


def request(**headers: Any) -> Any:
    told = {"root_id": "root", "group": "g", "retries": 3, "argsrepr": "(1,)", "kwargsrepr": "{}", **headers}
    message = SimpleNamespace(headers=told)
    return SimpleNamespace(id="id-1", name="shop.pay", message=message, chord=None)


def added(failures: Failures, **changes: Any) -> Failure:
    failures.add(request(**changes), run(), ValueError("no"), "Traceback\n")
    return failures.first(100, 1_000_000)[1][-1]


def test_a_record_tells_what_failed_and_why() -> None:
    record = json.loads(added(Failures(FailureSettings())).record)
    assert record.pop("time") > 1.7e9
    assert record == {
        "id": "id-1", "name": "shop.pay", "queue": "high", "priority": 6, "runtime": None, "exception": "ValueError",
        "message": "no", "root": "root", "group": "g", "retries": 3, "chord": False,
    }  # fmt: skip


def test_arguments_are_in_it_where_asked_for() -> None:
    record = json.loads(added(Failures(ALL)).record)
    assert (record["args"], record["kwargs"]) == ("(1,)", "{}")


def test_nothing_is_recorded_where_it_is_not_enabled() -> None:
    failures = Failures(FailureSettings(enabled=False))
    failures.add(request(), run(), ValueError(), "")
    assert failures.waiting == 0


def test_texts_of_any_size_are_cut() -> None:
    failures = Failures(ALL)
    failures.add(
        request(root_id="r" * 10_000, argsrepr="é" * 10_000, retries="many"), run(), ValueError("ü" * 10_000),
        "begin" + "x" * 100_000 + "end",
    )  # fmt: skip
    (failure,) = failures.first(1, 1)[1]
    record = json.loads(failure.record)
    assert (len(record["root"]), len(record["message"].encode()), record["retries"]) == (255, 500, 0)
    assert len(record["args"].encode()) == module.MAX_ARGUMENTS
    assert (len(failure.traceback), failure.traceback[-3:]) == (module.MAX_TRACEBACK, "end")


def test_an_exception_without_a_text_has_a_name() -> None:
    failures = Failures(ALL)
    failures.add(request(), run(), HostileError(), "")
    record = json.loads(failures.first(1, 1)[1][0].record)
    assert (record["exception"], record["message"]) == ("HostileError", "")


def test_a_message_that_cannot_be_described_fails_nothing() -> None:
    failures = Failures(ALL)
    failures.add(SimpleNamespace(message=None), run(), ValueError(), "")
    assert (failures.waiting, failures.note) == (0, "1 failed tasks were not recorded.")


def test_what_waits_for_redis_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5000)
    failures = Failures(FailureSettings())
    for _ in range(20):
        failures.add(request(), run(), ValueError(), "x" * 1000)
    assert (failures.waiting, failures.note) == (3, "17 failed tasks were not recorded.")
    failures.stored(2)
    added(failures)
    assert failures.waiting == 2


def test_numbers_go_on_from_what_redis_has() -> None:
    failures = Failures(FailureSettings())
    for _ in range(3):
        added(failures)
    assert [failures.first(2, 10_000)[0], len(failures.first(2, 10_000)[1])] == [1, 2]
    failures.stored(2)
    failures.stored(2)
    assert failures.first(2, 10_000)[0] == 3
    assert len(failures.first(2, 1)[1]) == 1, "one that is large goes alone"


def test_a_message_goes_as_if_it_were_new() -> None:
    again = json.loads(added(Failures(ALL)).message)
    assert LOSSES not in again
    headers = again["headers"]
    assert (headers["id"], headers["retries"], headers["eta"], headers["expires"]) == ("id-1", 0, None, None)
    assert again["properties"]["delivery_info"]["redelivered"] is False
    assert again["properties"]["delivery_tag"] not in (
        "t",
        sent_again(payload())["properties"]["delivery_tag"],
    )


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(run(payload(stamp="x" * module.MAX_MESSAGE)), id="too-large"),
        pytest.param(run(place=None), id="a-copy-for-this-worker-alone"),
        pytest.param(Run(OfTask("shop.pay", OfQueue("high")), "high", None), id="a-dead-letter"),
    ],
)
def test_a_message_that_cannot_be_sent_again_is_not_kept(one: Run) -> None:
    failures = Failures(ALL)
    failures.add(request(), one, ValueError(), "")
    assert failures.first(1, 1)[1][0].message == ""


def test_a_message_of_protocol_1_keeps_its_body() -> None:
    assert sent_again({"body": "x", "headers": {}, "properties": None})["headers"] == {}
