"""A task that is lost once too often has a result: whoever waits for it, as AsyncResult and chords do, is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def result(server: RedisServer, task: str) -> dict[str, Any]:
    """What Celery's backend has stored; empty before."""
    with redis.Redis(port=server.port, db=1) as results:
        found: dict[str, Any] = json.loads(results.get(f"celery-task-meta-{task}") or "{}")
    return found


def lose(make_worker: MakeWorker, server: RedisServer, way: str) -> str:
    """The id of what is waited for, once the task that takes its child along has been lost for good."""
    results = {"TEST_RESULTS": server.url.replace("/0", "/1")}
    make_worker(app="waited", capacity=1, queues=["celery", "quick"], environment=results).start().ready()
    send(server.client, "waited.send", way)
    wait_for(lambda: server.lines("test:failed"), 60, what="the signal task_failure")
    (task,) = server.lines("test:sent")
    return task


@pytest.mark.parametrize("way", ["plain", "chain", "chord", "errback", "no-ack", "early"])
def test_whoever_waits_for_it_is_told(make_worker: MakeWorker, server: RedisServer, way: str) -> None:
    task = lose(make_worker, server, way)
    found = wait_for(lambda: result(server, task), 30, what="the result")
    assert found["status"] == "FAILURE"
    (failed,) = server.lines("test:failed")
    assert failed.split()[1] == "WorkerLostError"
    assert server.lines("test:end") == [], "the body of the chord does not run"
    assert server.lines("test:errback") == (["WorkerLostError"] if way == "errback" else [])
    # Early acknowledgement is Celery's own affair, and a queue with no_ack delivers nothing twice.
    dead = 0 if way in ("early", "no-ack") else 1
    wait_for(lambda: server.client.llen("celery.dead") == dead, 30, what="the dead letter")


def test_a_task_whose_result_nobody_wants_has_none(make_worker: MakeWorker, server: RedisServer) -> None:
    task = lose(make_worker, server, "unheard")
    wait_for(lambda: server.client.llen("celery.dead") == 1, 30, what="the dead letter")
    assert result(server, task) == {}
