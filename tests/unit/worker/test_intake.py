import base64
from types import SimpleNamespace
from typing import Any

import pytest

from taskfleet_worker.deliveries import LOSSES, MAX_REDELIVERIES, REASON, Deliveries
from taskfleet_worker.messages.intake import Intake, envelope
from taskfleet_worker.pool.jobs import Jobs


class LostError(Exception):
    """As a lost connection is."""


class Channel(SimpleNamespace):
    def dead_letter(self, tag: str, reason: str) -> None:
        self.dead[tag] = reason


def taken_in(error: BaseException, **changes: Any) -> tuple[Deliveries, Intake, dict[str, str]]:
    """What is left after a handler has raised the error."""
    deliveries, jobs = Deliveries(), Jobs(lambda: 0.0)
    intake = Intake(deliveries, jobs)
    payload = {"headers": {}, **changes.get("payload", {})}
    deliveries.fetched("tag", queue="q", prefix="", line="q", payload=payload)
    if changes.get("settling"):
        deliveries.settling.add("tag")
    if changes.get("refused"):
        jobs.refusal = error
    dead: dict[str, str] = {}
    message = SimpleNamespace(delivery_tag="tag", channel=SimpleNamespace(qos=Channel(dead=dead)))

    def handle(_message: Any) -> None:
        raise error

    intake.take_in(message, handle, (LostError, MemoryError))
    return deliveries, intake, dead


def test_a_message_that_cannot_be_taken_in_is_dead_lettered_with_the_reason() -> None:
    _, intake, dead = taken_in(KeyError("id"))
    assert dead == {"tag": "it cannot be processed: KeyError: 'id'"}
    assert (
        intake.note == "1 messages could not be processed and were dead-lettered. The last error: KeyError."
    )


def test_a_message_that_celery_has_settled_before_it_failed_is_left_alone() -> None:
    _, intake, dead = taken_in(RuntimeError(), settling=True)
    assert (dead, intake.note) == ({}, None)


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        pytest.param(SystemExit(3), {}, id="the-worker-ends"),
        pytest.param(KeyboardInterrupt(), {}, id="the-worker-is-interrupted"),
        pytest.param(MemoryError(), {}, id="no-memory"),
        pytest.param(LostError(), {}, id="the-connection-is-lost"),
        pytest.param(RuntimeError("can't start new thread"), {"refused": True}, id="the-pool-refuses"),
    ],
)
def test_what_ends_a_worker_counts_for_the_message_that_it_takes_in(
    error: BaseException, changes: dict[str, Any]
) -> None:
    payload: dict[str, Any] = {}
    held = Deliveries()
    for losses in range(1, MAX_REDELIVERIES + 2):
        held = Deliveries()
        intake = Intake(held, jobs := Jobs(lambda: 0.0))
        jobs.refusal = error if changes.get("refused") else None
        held.fetched("tag", queue="q", prefix="", line="q", payload={"headers": {}, **payload})
        message = SimpleNamespace(delivery_tag="tag", channel=None)

        def handle(_message: Any) -> None:
            raise error

        with pytest.raises(type(error)):
            intake.take_in(message, handle, (LostError, MemoryError))
        payload = held.held["tag"].payload
        assert payload[LOSSES] == losses
        assert held.held["tag"].place == ("q" if losses <= MAX_REDELIVERIES else "q.dead")
    assert type(error).__name__ in payload[REASON]


@pytest.mark.parametrize("raw", [b"\xff", "hello", "[1]", "null", "[" * 100_000])
def test_what_is_no_message_is_the_body_of_one(raw: bytes | str) -> None:
    made = envelope(raw)
    assert base64.b64decode(made["body"]) == (raw if isinstance(raw, bytes) else raw.encode())
    assert made["properties"]["delivery_tag"]


def test_a_message_of_odd_parts_stays_as_it_is() -> None:
    assert envelope('{"properties": 1}') == {"properties": 1}
