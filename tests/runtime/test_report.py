"""What the operator sees of a worker in Redis, on every pool."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def numbers(report: dict[str, Any]) -> list[int | None]:
    return [report.get(name) for name in ("active", "prefetched", "eta", "limited")]


@every_pool
def test_a_report_follows_the_worker_within_a_second_while_tasks_burn_cpu(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    report = wait_for(lambda: server.report(worker), 2, what="the first report")
    assert (report["state"], report["capacity"], numbers(report)) == ("ready", 1, [0, 0, 0, 0])
    task = send(server.client, "proj.burn", 3)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    wait_for(lambda: server.report(worker)["active"] == 1, 1, what="the report of it")
    seq = server.report(worker)["seq"]
    wait_for(lambda: server.report(worker)["seq"] > seq, 2.5, what="the next report")
    assert server.finished() == []
    wait_for(lambda: server.report(worker)["queues"]["celery"]["done"] == 1, 10, what="the end")
    wait_for(lambda: server.report(worker)["queues"]["celery"]["held"] == 0, 5, what="its acknowledgement")
    queue = server.report(worker)["queues"]["celery"]
    assert queue["active"] == 0
    assert queue["busySeconds"] == pytest.approx(3, abs=0.5)


@every_pool
def test_a_worker_takes_its_report_away_when_it_ends(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    wait_for(lambda: server.report(worker), 2, what="the first report")
    assert worker.terminate().ended(timeout=15) == 0
    assert server.client.keys("taskfleet:*") == []


def test_tasks_that_wait_for_their_time_are_counted_apart(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker().start().ready()
    for _ in range(3):
        send(server.client, "proj.nap", 0, eta="2100-01-01T00:00:00+00:00")
    wait_for(lambda: numbers(server.report(worker)) == [0, 0, 3, 0], 30, what="the report of them")
    assert server.report(worker)["queues"]["celery"]["held"] == 3


def test_rate_limited_tasks_are_counted_apart(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker("threads", capacity=3).start().ready()
    for _ in range(3):
        send(server.client, "proj.limited")
    wait_for(lambda: server.report(worker).get("limited") == 2, 30, what="the report of them")


def test_prefetched_tasks_are_counted_apart(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(capacity=2, prefetchMultiplier=2).start().ready()
    for _ in range(4):
        send(server.client, "proj.nap", 3)
    wait_for(lambda: numbers(server.report(worker)) == [2, 2, 0, 0], 30, what="the report of them")


def test_tasks_that_opted_out_of_late_acknowledgement_are_named(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker().start().ready()
    report = wait_for(lambda: server.report(worker), 30, what="the first report")
    assert report["notes"] == ["Tasks that set acks_late to False: proj.early"]


def test_the_capacity_moves_with_the_pool(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(capacity=3, processAutoscale={"min": 1, "max": 3}).start().ready()
    wait_for(lambda: server.report(worker).get("capacity") == 1, 30, what="one process")
    for _ in range(3):
        send(server.client, "proj.nap", 3)
    wait_for(lambda: server.report(worker)["capacity"] == 3, 30, what="three processes")


def test_keys_carry_the_brokers_prefix(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(globalKeyPrefix="mine:").start().ready()
    wait_for(lambda: server.client.keys("mine:taskfleet:*"), 30, what="the report")
    assert server.client.keys("taskfleet:*") == []
    task = send(server.client, "proj.nap", 1, queue="mine:celery")
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    assert server.client.keys("mine:taskfleet:*:held:*")
    wait_for(lambda: task in server.finished(), 30, what="the task to end")
    wait_for(lambda: not server.client.keys("*held*"), 30, what="the record to go")
    assert worker.terminate().ended() == 0
