"""Failed tasks that are sent again or forgotten, on a real Redis: each once."""

import json
import time
from collections import Counter

import pytest
from redis.exceptions import ResponseError

from taskfleet.brokers.failures import reader
from taskfleet.brokers.failures import retry as module
from taskfleet.brokers.failures.failed_task import Action, Handled, Request, chosen
from taskfleet.brokers.failures.retry import carry_out
from tests.runtime.redis_server import RedisServer
from tests.unit.brokers.failures.records import LAYOUT, NAMES, WEEK, Pool, ids, in_line, listed, run

ALL = Request("one", Action.RETRY)


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def handled(server: RedisServer, request: Request = ALL) -> Handled | None:
    return run(server, lambda client: carry_out(client, LAYOUT, NAMES, request, retention=WEEK))


def test_all_are_sent_in_the_order_in_which_they_failed(server: RedisServer) -> None:
    Pool(server).fail("a", "b").fail("c", priority=6).fail("d", queue="low")
    assert handled(server) == Handled(4)
    assert (in_line(server, "high"), in_line(server, "high\x06\x166"), in_line(server, "low")) == (
        ["a", "b"],
        ["c"],
        ["d"],
    )
    assert not server.client.exists(*NAMES.parts)


def test_they_go_under_the_same_id_with_a_new_delivery_tag(server: RedisServer) -> None:
    Pool(server).fail("a")
    handled(server)
    (message,) = map(json.loads, server.lines("app:high"))
    assert message["headers"]["id"] == "a"
    assert len(message["properties"]["delivery_tag"]) == 36


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        pytest.param(Request("one", Action.RETRY, ids=frozenset({"b", "gone"})), ["b"], id="some"),
        pytest.param(Request("one", Action.RETRY, task="shop.mail"), ["c"], id="one-task"),
        pytest.param(Request("one", Action.RETRY, task="shop"), [], id="another-task"),
    ],
)
def test_only_what_was_asked_for_is_sent(server: RedisServer, request_: Request, sent: list[str]) -> None:
    Pool(server).fail("a", "b").fail("c", name="shop.mail")
    assert handled(server, request_) == Handled(len(sent))
    assert (in_line(server, "high"), sorted(ids(server))) == (sent, sorted({"a", "b", "c"} - set(sent)))


def test_members_of_chords_are_left_unless_forced(server: RedisServer) -> None:
    Pool(server).fail("a", chord=True).fail("b")
    assert handled(server) == Handled(1, chord_members=1)
    assert handled(server, Request("two", Action.RETRY, force=True)) == Handled(1)
    assert in_line(server, "high") == ["b", "a"]


def test_without_its_message_a_task_is_left(server: RedisServer) -> None:
    Pool(server, messages=False).fail("a")
    assert handled(server) == Handled(0, without_message=1)
    assert ids(server) == ["a"]


def test_forgotten_tasks_are_not_sent(server: RedisServer) -> None:
    Pool(server, messages=False).fail("a", "b", chord=True)
    assert handled(server, Request("one", Action.FORGET, ids=frozenset("a"))) == Handled(1)
    assert (ids(server), server.client.exists("app:high")) == (["b"], 0)


def test_a_repeated_request_sends_nothing_twice_and_nothing_that_failed_since(server: RedisServer) -> None:
    pool = Pool(server).fail("a", "b")
    assert handled(server) == Handled(2)
    pool.fail("a", "c")
    assert handled(server) == Handled(2)
    assert in_line(server, "high") == ["a", "b"]
    assert handled(server, Request("two", Action.RETRY)) == Handled(2)
    assert in_line(server, "high") == ["a", "b", "a", "c"]


def test_what_fails_again_while_it_is_retried_waits_for_the_next_request(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "PAGE", 1)
    pool = Pool(server).fail("a", "b", "c")

    def failing_again(*args: object, **options: object) -> object:
        pool.fail("a")
        return chosen(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "chosen", failing_again)
    assert handled(server) == Handled(2)
    assert (in_line(server, "high"), ids(server)) == (["b", "c"], ["a"])


def test_a_newer_request_ends_an_older_one(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    Pool(server).fail("a", "b")

    def replaced(*args: object, **options: object) -> object:
        server.client.hset(f"{NAMES.pool}:request", "token", "two")
        return chosen(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "chosen", replaced)
    assert handled(server) is None
    assert in_line(server, "high") == []


def test_a_server_that_refuses_half_way_has_no_task_twice(server: RedisServer) -> None:
    Pool(server).fail("a", queue="high").fail("b", queue="wrong").fail("c", queue="high")
    server.client.set("app:wrong", "not a list")
    for _ in range(2):
        with pytest.raises(ResponseError):
            handled(server)
    server.client.delete("app:wrong")
    assert handled(server) == Handled(3)
    assert (in_line(server, "high"), in_line(server, "wrong")) == (["a", "c"], ["b"])


def test_ten_thousand_are_listed_and_retried_in_seconds_each_once(server: RedisServer) -> None:
    wanted = [f"id-{number}" for number in range(10_000)]
    Pool(server).fail(*wanted)
    started, cpu = time.monotonic(), time.process_time()
    found = listed(server)
    assert handled(server) == Handled(10_000)
    took, cpu = time.monotonic() - started, time.process_time() - cpu
    print(f"10,000 failed tasks listed and retried in {took:.2f} s, {cpu:.2f} s of them CPU")
    assert cpu < 2.5, "a machine that does something else meanwhile is no reason to fail"
    assert {task.id for task in found} == set(wanted)
    assert Counter(in_line(server, "high")) == Counter(wanted)
