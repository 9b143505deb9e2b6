"""Failed tasks as the operator reads them from a real Redis, whatever a tenant has written there."""

import json
from typing import Any

import pytest

from taskfleet.brokers.failures import reader as module
from taskfleet.brokers.failures.failed_task import MAX_RECORD
from taskfleet.brokers.failures.reader import one
from tests.runtime.redis_server import RedisServer
from tests.unit.brokers.failures.records import NAMES, Pool, ids, listed, page, run


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def test_what_a_worker_records_is_read(server: RedisServer) -> None:
    Pool(server, arguments=True).fail("a", priority=6, chord=True)
    (task,) = listed(server)
    assert (task.id, task.name, task.queue, task.priority) == ("a", "shop.pay", "high", 6)
    assert (task.exception, task.message, task.retries) == ("ValueError", "no", 2)
    assert (task.root, task.group, task.chord, task.kept) == ("root", "g", True, True)
    assert (task.args, task.kwargs, task.runtime) == ("(1,)", "", None)


def test_a_pool_that_keeps_less_tells_less(server: RedisServer) -> None:
    Pool(server, messages=False).fail("a")
    (task,) = listed(server)
    assert (task.kept, task.args, task.kwargs) == (False, None, None)


def test_pages_are_the_newest_first_and_go_on_where_they_stopped(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    pool = Pool(server).fail("a", "b", "c")
    first = page(server)
    assert [task.id for task in first.tasks] == ["c", "b"]
    pool.fail("d")
    rest = page(server, before=first.next)
    assert [task.id for task in rest.tasks] == ["a"]
    assert page(server, before=rest.next).next is None


def test_a_page_is_bounded_in_bytes(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE_BYTES", 100)
    Pool(server).fail("a", "b", "c")
    assert [task.id for task in page(server).tasks] == ["c"]
    assert ids(server) == ["c", "b", "a"]


def test_what_is_too_old_is_not_shown(server: RedisServer) -> None:
    Pool(server).fail("a", "b")
    server.client.zincrby(NAMES.pool, -101 * 1_000_000, "a")
    assert [task.id for task in page(server, retention=100).tasks] == ["b"]


def test_one_has_its_traceback(server: RedisServer) -> None:
    Pool(server).fail("a")
    found = run(server, lambda client: one(client, NAMES, "a"))
    assert found is not None
    assert (found[0].id, found[1]) == ("a", "Traceback\nlast line")
    assert run(server, lambda client: one(client, NAMES, "b")) is None


def valid(**changes: Any) -> dict[str, Any]:
    told = dict.fromkeys(("name", "queue", "exception", "message", "root", "group"), "x")
    return {
        "id": "bad",
        **told,
        "priority": 0,
        "time": 1,
        "runtime": None,
        "retries": 0,
        "chord": False,
        **changes,
    }


@pytest.mark.parametrize(
    "record",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="not-json"),
        pytest.param("[]", id="no-object"),
        pytest.param("[" * 10_000, id="deep"),
        pytest.param(json.dumps({"id": "bad"}), id="fields-missing"),
        pytest.param(json.dumps(valid(id="i" * 300)), id="long-id"),
        pytest.param(json.dumps(valid(id=7)), id="no-text"),
        pytest.param(json.dumps(valid(queue="q" * 300)), id="long-queue"),
        pytest.param(json.dumps(valid(queue="\ud800")), id="no-name-of-a-list"),
        pytest.param(json.dumps(valid(time=-1)), id="no-time"),
        pytest.param(json.dumps(valid(retries=True)), id="no-count"),
        pytest.param(json.dumps(valid(message="m" * MAX_RECORD)), id="too-large"),
        pytest.param(b"\xff", id="no-utf-8"),
    ],
)
def test_what_no_worker_writes_is_left_out(server: RedisServer, record: str | bytes) -> None:
    Pool(server).fail("a", "bad", "c")
    server.client.hset(f"{NAMES.pool}:records", "bad", record)
    assert ids(server) == ["c", "a"]


def test_an_id_of_any_size_is_left_out(server: RedisServer) -> None:
    Pool(server).fail("a")
    server.client.zadd(NAMES.pool, {"x" * 1_000_000: 9e15})
    assert ids(server) == ["a"]


def test_control_characters_of_a_tenant_are_replaced(server: RedisServer) -> None:
    Pool(server).fail("bad")
    server.client.hset(f"{NAMES.pool}:records", "bad", json.dumps(valid(message="\x1b[2J\u202e")))
    assert listed(server)[0].message == "\ufffd[2J\ufffd"
