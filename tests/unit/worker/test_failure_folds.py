"""Records of failed tasks on a real Redis: each is stored once, and no more than asked for."""

import json
from typing import Any

import pytest
import redis

from taskfleet_worker.broker import failure_folds as module
from taskfleet_worker.broker.failure_folds import FailureFolds
from taskfleet_worker.broker.outcome_folds import FOLD_EVERY, PAUSE
from taskfleet_worker.keys import keys
from taskfleet_worker.pool.failures import Failures
from taskfleet_worker.settings import FailureSettings, read_settings
from tests.runtime.redis_server import RedisServer
from tests.unit.worker.factories import environment
from tests.unit.worker.test_failures import request, run
from tests.unit.worker.test_outcome_folds import LosesAnswers

POOL = "app:taskfleet:cluster-1:test:failures:uid-1"


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


class Process:
    """One start of a worker. `fold` is one turn of its thread when a fold is due."""

    def __init__(self, client: Any, start: str = "s1", **settings: Any) -> None:
        self.client = client
        self.failures = Failures(FailureSettings(messages=True, **settings))
        names = keys(read_settings(environment()), "pod-1", start)
        self.folds = FailureFolds(self.failures, names, "app:")
        self.now = 0.0

    def fail(self, *ids: str) -> "Process":
        for task in ids:
            one = request()
            one.id = task
            self.failures.add(one, run(), ValueError(), "Traceback")
        return self

    def fold(self) -> None:
        self.now += FOLD_EVERY
        self.folds.turn(self.client, self.now)


def stored(server: RedisServer) -> list[str]:
    """Ids, the oldest first, which all parts of the record agree on."""
    ids = [str(task) for task in server.client.zrange(POOL, 0, -1)]
    for part in ("records", "tracebacks", "messages"):
        assert server.client.hgetall(f"{POOL}:{part}").keys() == set(ids)
    return ids


def test_records_of_processes_outlive_them(server: RedisServer) -> None:
    first, second = Process(server.client), Process(server.client, "s2")
    first.fail("a", "b").fold()
    second.fail("c").fold()
    first.fail("d").folds.finish(server.client)
    assert stored(server) == ["a", "b", "c", "d"]
    assert json.loads(str(server.client.hget(f"{POOL}:records", "c")))["exception"] == "ValueError"


def test_a_record_whose_answer_was_lost_does_not_come_back(server: RedisServer) -> None:
    process = Process(LosesAnswers(server.client)).fail("a", "b")
    with pytest.raises(redis.ConnectionError):
        process.fold()
    for key in (POOL, f"{POOL}:records", f"{POOL}:tracebacks", f"{POOL}:messages"):
        server.client.delete(key)  # retried meanwhile
    process.client = server.client
    process.fail("c").fold()
    assert stored(server) == ["c"]


def test_a_task_that_fails_again_has_one_record(server: RedisServer) -> None:
    Process(server.client).fail("a", "b", "a").fold()
    assert stored(server) == ["b", "a"]


def test_the_oldest_make_room(server: RedisServer) -> None:
    process = Process(server.client, limit=2)
    process.fail("a", "b", "c").fold()
    assert stored(server) == ["b", "c"]
    process.fail(*(str(number) for number in range(500))).fold()
    assert stored(server) == ["498", "499"]


def test_what_is_too_old_goes_although_nothing_fails(server: RedisServer) -> None:
    process = Process(server.client, retention=100.0)
    process.fail("a", "b").fold()
    server.client.zincrby(POOL, -101 * 1_000_000, "a")
    process.fold()
    assert stored(server) == ["a", "b"], "looked at once an hour"
    process.now += module.TRIM_EVERY
    process.fold()
    assert stored(server) == ["b"]


def test_many_failures_do_not_wait_for_the_next_fold(server: RedisServer) -> None:
    process = Process(server.client)
    process.fail("a").fold()
    process.fail("b").folds.turn(server.client, process.now + 0.1)
    assert stored(server) == ["a"]
    process.fail(*(str(number) for number in range(300))).folds.turn(server.client, process.now + 0.2)
    assert len(stored(server)) == 302


def test_a_turn_ends_however_many_wait(server: RedisServer) -> None:
    process = Process(server.client, limit=10_000)
    process.fail(*(str(number) for number in range(1000))).fold()
    assert (len(stored(server)), process.failures.waiting) == (500, 500)
    process.folds.turn(server.client, process.now + 0.1)
    assert len(stored(server)) == 1000


def test_a_refusal_is_reported_and_tried_again_later(server: RedisServer) -> None:
    server.client.set(POOL, "not a sorted set")
    process = Process(server.client).fail("a")
    process.fold()
    assert str(process.failures.note).startswith("Redis rejects the records of failed tasks (")
    server.client.delete(POOL)
    process.fold()
    assert process.failures.waiting == 1
    process.now += PAUSE
    process.fold()
    assert (stored(server), process.failures.note) == (["a"], None)


def test_a_refusal_is_over_although_nothing_fails_any_more(server: RedisServer) -> None:
    server.client.set(POOL, "not a sorted set")
    process = Process(server.client)
    process.fold()
    assert process.failures.note is not None
    server.client.delete(POOL)
    process.now += PAUSE
    process.fold()
    assert process.failures.note is None


def test_nothing_stays_for_ever(server: RedisServer) -> None:
    Process(server.client).fail("a").fold()
    assert all(server.client.ttl(str(key)) > 0 for key in server.client.keys("*"))


def test_an_idle_process_stores_nothing(server: RedisServer) -> None:
    process = Process(server.client)
    process.fold()
    process.folds.finish(server.client)
    assert server.client.keys("*") == []
