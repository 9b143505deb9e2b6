"""Totals of processes, folded into those of their pool on a real Redis: each counts once, whatever is repeated."""

from typing import Any

import pytest
import redis

from taskfleet_worker.broker import outcome_folds as module
from taskfleet_worker.broker.outcome_folds import OutcomeFolds
from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.keys import keys
from taskfleet_worker.pool.outcomes import OTHER, Outcomes
from taskfleet_worker.settings import read_settings
from tests.runtime.redis_server import RedisServer
from tests.unit.worker.factories import environment
from tests.unit.worker.test_outcomes import request

POOL = "app:taskfleet:cluster-1:test:outcomes:uid-1"
IGNORED = "ignored\nshop.pay\nhigh\n"


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


class Process:
    """One start of a worker. `fold` is one turn of its thread when a fold is due."""

    def __init__(self, client: Any, start: str = "s1") -> None:
        self.client = client
        self.outcomes = Outcomes(Deliveries())
        self.folds = OutcomeFolds(self.outcomes, keys(read_settings(environment()), "pod-1", start), "app:")
        self.now = 0.0

    def ignore(self, times: int = 1, **what: str) -> "Process":
        for _ in range(times):
            self.outcomes.ended(request(**what), "ignored")
        return self

    def fold(self) -> None:
        self.now += module.FOLD_EVERY
        self.folds.turn(self.client, self.now)


class LosesAnswers:
    """A connection that ends after the command was carried out."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def eval(self, *command: Any) -> None:
        self._client.eval(*command)
        raise redis.ConnectionError


def test_the_totals_of_processes_outlive_them(server: RedisServer) -> None:
    first, second = Process(server.client), Process(server.client, "s2")
    first.ignore(2).fold()
    second.ignore(3).fold()
    first.ignore().fold()
    first.folds.finish(server.client)
    assert server.client.hgetall(POOL) == {IGNORED: "6"}


def test_a_fold_whose_answer_was_lost_counts_once(server: RedisServer) -> None:
    process = Process(LosesAnswers(server.client)).ignore(2)
    with pytest.raises(redis.ConnectionError):
        process.fold()
    process.folds.again()
    process.client = server.client
    process.ignore().fold()
    process.folds.finish(server.client)
    process.folds.finish(server.client)
    assert server.client.hgetall(POOL) == {IGNORED: "3"}


def test_a_fold_that_comes_late_takes_nothing_back(server: RedisServer) -> None:
    sent: list[Any] = []

    class Slow:
        def eval(self, *command: Any) -> None:
            sent.append(command)
            raise redis.ConnectionError

    process = Process(Slow()).ignore()
    with pytest.raises(redis.ConnectionError):
        process.fold()
    process.client = server.client
    process.ignore().fold()
    server.client.eval(*sent[0])
    process.folds.again()
    process.fold()
    assert server.client.hgetall(POOL) == {IGNORED: "2"}


def test_a_server_that_lost_its_last_writes_is_told_them_again(server: RedisServer) -> None:
    process = Process(server.client).ignore(2)
    process.fold()
    before: dict[Any, Any] = {key: server.client.hgetall(str(key)) for key in server.client.keys("*")}
    process.ignore(5).fold()
    server.client.flushall()
    for key, fields in before.items():
        server.client.hset(str(key), mapping=fields)
    process.folds.again()
    process.fold()
    assert server.client.hgetall(POOL) == {IGNORED: "7"}


def test_a_server_that_lost_everything_counts_from_there_on(server: RedisServer) -> None:
    process = Process(server.client).ignore(2)
    process.fold()
    server.client.flushall()
    process.folds.again()
    process.ignore(3).fold()
    assert server.client.hgetall(POOL) == {IGNORED: "3"}


def test_an_idle_process_says_nothing(server: RedisServer) -> None:
    process = Process(server.client)
    process.fold()
    process.folds.finish(server.client)
    assert server.client.keys("*") == []


def test_nothing_stays_for_ever(server: RedisServer) -> None:
    process = Process(server.client)
    process.outcomes.failed(request(), ValueError())
    process.fold()
    assert all(server.client.ttl(str(key)) > 0 for key in server.client.keys("*"))
    process.folds.finish(server.client)
    assert server.client.ttl(f"{POOL}/pod-1/s1") <= module.ENDED_KEPT


def test_names_of_all_processes_together_are_bounded(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NAMES", 2)
    monkeypatch.setattr(module, "MAX_CLASSES", 1)
    first, second = Process(server.client), Process(server.client, "s2")
    first.ignore(name="a").ignore(name="b").fold()
    for error in (ValueError(), KeyError()):
        second.outcomes.failed(request("b"), error)
    second.ignore(name="c").ignore(name="d").ignore(name="b").fold()
    second.ignore(name="c").fold()
    assert server.client.hgetall(POOL) == {
        "ignored\na\nhigh\n": "1",
        "ignored\nb\nhigh\n": "2",
        f"ignored\n{OTHER}\nhigh\n": "3",
        "failed\nb\nhigh\nValueError": "1",
        f"failed\nb\nhigh\n{OTHER}": "1",
    }


def test_fields_of_a_pool_are_bounded(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FIELDS", 1)
    Process(server.client).ignore(name="a").ignore(name="b").ignore(name="b", queue="low").fold()
    assert server.client.hgetall(POOL) == {
        "ignored\na\nhigh\n": "1",
        f"ignored\n{OTHER}\n{OTHER}\n": "2",
    }


def test_a_server_that_rejects_it_is_said_and_asked_later(server: RedisServer) -> None:
    process = Process(server.client).ignore()
    server.client.set(POOL, "a text")
    process.fold()
    note = process.outcomes.note
    assert note is not None
    assert note.startswith("Redis rejects what is counted of tasks")
    server.client.delete(POOL)
    process.now += module.PAUSE
    process.fold()
    assert (process.outcomes.note, server.client.hgetall(POOL)) == (None, {IGNORED: "1"})
