from typing import Any

import pytest

from taskfleet_worker.deliveries import LOSSES, MAX_REDELIVERIES, Deliveries, after_loss
from taskfleet_worker.messages.gate import Gate
from taskfleet_worker.pool.tasks import QueueCount
from taskfleet_worker.report import MAX_NOTE, MAX_NOTES, MAX_QUEUES, Worker, content, held_by_queue
from taskfleet_worker.shutdown.deadlines import LAST_WORDS, PATIENCE, RESERVE, overdue, patience


def payload(**headers: Any) -> dict[str, Any]:
    return {"headers": headers, "body": ""}


def deliveries(**messages: dict[str, Any]) -> Deliveries:
    made = Deliveries()
    for tag, message in messages.items():
        made.fetched(tag, queue="high", prefix="p:", line="high:3", payload=message)
    return made


def test_a_record_tells_order_list_and_dead_letters() -> None:
    held = deliveries(a=payload(), b=payload()).held
    assert [held[tag].record for tag in "ab"] == [
        '[1, "p:high:3", "p:high.dead"]',
        '[2, "p:high:3", "p:high.dead"]',
    ]


def test_a_task_waits_for_its_time_until_it_begins() -> None:
    made = deliveries(a=payload(eta="2100-01-01T00:00:00+00:00"), b=payload())
    assert made.waiting_for_eta == 1
    made.begun("a")
    made.begun("a")
    assert made.waiting_for_eta == 0


def test_what_is_settled_is_not_held() -> None:
    made = deliveries(a=payload(eta="2100-01-01T00:00:00+00:00"))
    made.settled("a")
    made.settled("a")
    assert (made.held, made.waiting_for_eta, made.unsettled) == ({}, 0, False)


def test_what_is_still_to_be_told_to_the_broker_counts_as_unsettled() -> None:
    made = Deliveries()
    made.settle_later.append("a")
    assert made.unsettled


def test_a_process_that_leaves_acknowledges_what_has_ended_and_gives_back_the_rest_in_order() -> None:
    made = deliveries(ended=payload(), first=payload(), second=payload())
    made.settling.add("ended")
    made.let_go()
    assert list(made.settle_later) == ["ended"]
    assert [tag for tag, _ in made.return_later] == ["second", "first"], "who goes back last is first in line"


@pytest.mark.parametrize(
    ("before", "place"),
    [
        pytest.param(None, "p:high:3", id="first-loss"),
        pytest.param(MAX_REDELIVERIES - 1, "p:high:3", id="last-try"),
        pytest.param(MAX_REDELIVERIES, "p:high.dead", id="once-too-often"),
    ],
)
def test_a_loss_is_counted_in_the_message(before: int | None, place: str) -> None:
    count = {} if before is None else {LOSSES: before}
    original = {**count, **payload()}
    where, message = after_loss(deliveries(a=original).held["a"])
    assert where == place
    assert message == {LOSSES: (before or 0) + 1, **payload()}
    assert original == {**count, **payload()}


@pytest.mark.parametrize(
    ("kind", "returnable"),
    [
        pytest.param({}, True, id="a-list"),
        pytest.param({"recorded": False}, True, id="without-a-record"),
        pytest.param({"at_most_once": True}, False, id="no-ack"),
        pytest.param({"line": None}, False, id="fanout"),
    ],
)
def test_what_has_begun_goes_back_only_where_it_may_run_twice_and_has_a_place(
    kind: dict[str, Any], returnable: bool
) -> None:
    made = Deliveries()
    made.fetched("a", **{"queue": "high", "prefix": "", "line": "high", "payload": payload(), **kind})
    made.begun("a")
    assert made.held["a"].returnable is returnable
    made.let_go()
    assert bool(made.return_later) is returnable


def test_a_gate_counts_as_closed_for_good_only_when_the_loop_has_seen_it() -> None:
    gate = Gate()
    assert gate.turn() is False
    gate.lease = 7
    assert (gate.closed, gate.settled) == (True, False)
    assert [gate.turn(), gate.turn()] == [True, False]
    assert gate.settled
    gate.lease = None
    assert (gate.turn(), gate.closed, gate.settled) == (False, False, False)


@pytest.mark.parametrize(
    ("stopping_since", "last_active", "now", "expected"),
    [
        pytest.param(None, 0.0, 1000.0, False, id="nobody-asked"),
        pytest.param(100.0, 0.0, 100.0 + PATIENCE - 0.1, False, id="just-asked"),
        pytest.param(100.0, 500.0, 500.0 + PATIENCE - 0.1, False, id="a-task-has-just-ended"),
        pytest.param(100.0, 500.0, 500.0 + PATIENCE, True, id="nothing-has-run-since"),
    ],
)
def test_overdue(stopping_since: float | None, last_active: float, now: float, expected: bool) -> None:
    assert overdue(stopping_since=stopping_since, last_active=last_active, now=now) is expected


@pytest.mark.parametrize(
    ("stopping_since", "refused", "now", "expected"),
    [
        pytest.param(None, True, 1000.0, LAST_WORDS, id="not-stopping"),
        pytest.param(100.0, False, 101.0, LAST_WORDS, id="redis-accepts"),
        pytest.param(100.0, True, 101.0, 60.0 - RESERVE - 1.0, id="redis-refuses"),
        pytest.param(100.0, True, 159.0, LAST_WORDS, id="the-grace-period-is-nearly-over"),
    ],
)
def test_what_has_ended_is_acknowledged_within_the_grace_period(
    stopping_since: float | None, refused: bool, now: float, expected: float
) -> None:
    found = patience(stopping_since=stopping_since, grace_period=60.0, refused=refused, now=now)
    assert found == expected


def worker(**changes: Any) -> Worker:
    return Worker(**{
        "state": "ready", "drain": None, "active": 1, "prefetched": 0, "eta": 0, "limited": 0, "capacity": 2,
        "started_at": 1767225600.5, "ready_after": 1.23456, "notes": (), "queues": {"high": QueueCount(1, 5, 2.34567)},
        "held": {"low": 3}, **changes,
    })  # fmt: skip


def test_a_report_names_every_queue_that_was_worked_on_or_is_held() -> None:
    assert content(worker())["queues"] == {
        "high": {"active": 1, "held": 0, "done": 5, "busySeconds": 2.346},
        "low": {"active": 0, "held": 3, "done": 0, "busySeconds": 0.0},
    }


def test_a_report_is_bounded() -> None:
    queues = {str(number): QueueCount() for number in range(MAX_QUEUES + 1)}
    made = content(worker(notes=("x" * 1000,) * 50, queues=queues))
    assert len(made["queues"]) == MAX_QUEUES
    assert [len(note) for note in made["notes"]] == [MAX_NOTE] * MAX_NOTES


def test_held_messages_are_counted_by_queue() -> None:
    assert held_by_queue(deliveries(a=payload(), b=payload()).held) == {"high": 2}


def test_a_reply_that_was_lost_is_told_from_one_that_is_still_to_come() -> None:
    made = deliveries(held=payload())
    made.settle_later.append("acknowledged")
    first = made.begin_to_fetch(2)
    recorded = ["held", "acknowledged", "nobody", f"{made.tags}{first}", f"{made.tags}{first + 1}"]
    assert made.strays(recorded) == ["nobody"]
    made.end_of_fetch()
    assert made.strays(recorded) == ["nobody", f"{made.tags}{first}", f"{made.tags}{first + 1}"]


def test_a_new_fetch_gives_up_the_last_and_uses_none_of_its_orders() -> None:
    made = deliveries(held=payload())
    first, second = made.begin_to_fetch(2), made.begin_to_fetch(2)
    assert (first, second) == (2, 4)
    assert made.strays([f"{made.tags}2", f"{made.tags}4"]) == [f"{made.tags}2"]
    taken = made.fetched("x", queue="q", prefix="", line="q", payload=payload(), order=5)
    assert taken.order == 5
