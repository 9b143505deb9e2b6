"""What cannot run now takes no room of what can, wherever it waits; and it is counted, returned and limited there."""

import base64
import json
import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from taskfleet.brokers.recovery.requeue_unacked import Requeued
from tests.runtime.inspect import control
from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_give_back import give_back_of
from tests.runtime.test_pools import every_pool
from tests.runtime.waiting import wait_for
from tests.runtime.worker import Worker

MakeWorker = Callable[..., Worker]

LATER = "2100-01-01T00:00:00+00:00"


@every_pool
def test_tasks_that_wait_for_their_rate_limit_take_no_slot_of_others(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    for _ in range(6):
        send(server.client, "waits.limited")
        send(server.client, "waits.limited_too")
    free = [send(server.client, "waits.free") for _ in range(20)]
    worker = make_worker(pool, app="waits").start().ready()
    wait_for(lambda: sorted(server.finished()) == sorted(free), "the tasks without a limit")
    assert len(server.lines("test:limited")) == 2
    wait_for(lambda: server.report(worker).get("limited") == 10, "the report of those that wait")
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), "the worker to be drained", timeout=10)
    assert server.client.llen("celery") == 10


@every_pool
def test_tasks_that_wait_for_their_time_take_no_slot_of_others(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    for at in range(300):
        send(server.client, "waits.limited" if at % 2 else "waits.free", eta=LATER)
    free = send(server.client, "waits.free")
    worker = make_worker(pool, app="waits").start().ready()
    wait_for(lambda: server.finished() == [free], "the task for now")
    wait_for(lambda: server.report(worker).get("eta") == 300, "the report of those that wait")
    assert not any("holds the maximum number" in note for note in server.report(worker)["notes"])


@pytest.mark.parametrize("kind", ["time", "rate-limit"])
@every_pool
def test_a_worker_that_holds_as_many_waiting_tasks_as_it_may_says_so(
    make_worker: MakeWorker, server: RedisServer, pool: str, kind: str
) -> None:
    for _ in range(12):
        send(
            server.client,
            *(["waits.free"] if kind == "time" else ["waits.limited"]),
            eta=LATER if kind == "time" else None,
        )
    worker = make_worker(pool, app="waits", environment={"TEST_MOST_WAITING": "5"}).start().ready()
    wait_for(
        lambda: any("holds the maximum number" in note for note in server.report(worker).get("notes", [])),
        "the note",
    )
    assert worker.get("/livez")[0] == 200
    server.client.delete("celery")
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), "the worker to be drained", timeout=10)
    server.client.delete("celery")
    server.lift(worker)
    free = send(server.client, "waits.free")
    wait_for(lambda: server.finished() == [free], "the next task to run")
    wait_for(
        lambda: not any("holds the maximum number" in note for note in server.report(worker)["notes"]),
        "the end of the note",
    )


@every_pool
def test_tasks_that_wait_for_a_rate_limit_follow_a_new_one(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="waits").start().ready()
    tasks = [send(server.client, "waits.limited") for _ in range(4)]
    wait_for(lambda: server.report(worker).get("limited") == 3, "the worker to hold them")
    control(worker, "rate_limit", "waits.limited", "2/h")
    control(worker, "rate_limit", "waits.limited_too", "2/h")
    wait_for(lambda: "New rate limit for tasks of type waits.limited_too" in worker.log, "the new limit")
    assert (server.report(worker)["limited"], server.lines("test:limited")) == (3, tasks[:1])
    server.drop_connections()
    wait_for(
        lambda: worker.log.count("Connected to") == 2 or server.report(worker)["limited"] == 3, "a connection"
    )
    control(worker, "rate_limit", "waits.limited", "0")
    wait_for(lambda: len(server.lines("test:limited")) == 4, "all to run without a limit")
    assert Counter(server.lines("test:limited")) == Counter(tasks)
    wait_for(lambda: server.client.exists("celery", "unacked") == 0, "their acknowledgement")


def test_a_rate_limited_task_with_a_time_waits_for_both(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker("threads", app="waits").start().ready()
    first = send(server.client, "waits.limited")
    send(server.client, "waits.limited", eta="2000-01-01T00:00:00+00:00")
    wait_for(lambda: server.report(worker).get("limited") == 1, "the report of it")
    control(worker, "rate_limit", "waits.limited", "2/h")
    send(server.client, "waits.limited", eta=LATER)
    wait_for(lambda: server.report(worker).get("eta") == 1, "the report of the other one")
    assert (server.report(worker)["limited"], server.lines("test:limited")) == (1, [first])


def protocol_1(eta: str | None, serializer: str = "json") -> dict[str, Any]:
    """As older Celery's producers and those of other languages write it: all in the body."""
    payload = message("", (), task_id="old", priority=0, eta=None, route=("", "celery"))
    body: dict[str, Any] = {
        "task": "waits.free",
        "id": "old",
        "args": [],
        "kwargs": {},
        "eta": eta,
        "utc": True,
        "retries": 0,
    }
    raw = json.dumps(body).encode() if serializer == "json" else pickle.dumps(body, protocol=2)
    types = {"json": ("application/json", "utf-8"), "pickle": ("application/x-python-serialize", "binary")}
    content_type, encoding = types[serializer]
    return {
        **payload, "headers": {}, "body": base64.b64encode(raw).decode(),
        "content-type": content_type, "content-encoding": encoding,
    }  # fmt: skip


def hybrid(eta: str | None) -> dict[str, Any]:
    """Headers of protocol 2, and a body of protocol 1."""
    payload = protocol_1(eta)
    return {**payload, "headers": {"task": "waits.free", "id": "old"}}


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(protocol_1(LATER), id="protocol-1"),
        pytest.param(protocol_1(LATER, "pickle"), id="protocol-1-pickled"),
        pytest.param(hybrid(LATER), id="hybrid"),
        pytest.param(protocol_1("2100-01-01T00:00:00"), id="protocol-1-without-a-zone"),
    ],
)
@every_pool
def test_a_time_is_seen_wherever_the_message_has_it_and_a_waiting_task_counts_as_not_tried(
    make_worker: MakeWorker, server: RedisServer, pool: str, payload: dict[str, Any]
) -> None:
    worker = make_worker(pool, app="waits").start().ready()
    server.client.lpush("celery", json.dumps(payload))
    wait_for(lambda: server.report(worker).get("eta") == 1, "the report of it")
    worker.kill()
    assert give_back_of(server, worker) == Requeued(1, 0)
    (line,) = server.lines("celery")
    assert "taskfleet-losses" not in json.loads(line)
