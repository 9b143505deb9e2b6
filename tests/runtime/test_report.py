"""What the operator sees of a worker in Redis, on every pool."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.waiting import wait_for
from tests.runtime.worker import Worker

MakeWorker = Callable[..., Worker]


def numbers(report: dict[str, Any]) -> list[int | None]:
    return [report.get(name) for name in ("active", "prefetched", "eta", "limited")]


@every_pool
def test_a_report_follows_the_worker_within_a_second_while_tasks_burn_cpu(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    report = wait_for(lambda: server.report(worker), "the first report", timeout=2)
    assert (report["state"], report["capacity"], numbers(report)) == ("ready", 1, [0, 0, 0, 0])
    task = send(server.client, "proj.burn", 3)
    wait_for(lambda: task in server.started(), "the task to start")
    wait_for(lambda: server.report(worker)["active"] == 1, "the report of it", timeout=1)
    seq = server.report(worker)["seq"]
    wait_for(lambda: server.report(worker)["seq"] > seq, "the next report", timeout=2.5)
    assert server.finished() == []
    wait_for(lambda: server.report(worker)["queues"]["celery"]["done"] == 1, "the end", timeout=10)
    wait_for(lambda: server.report(worker)["queues"]["celery"]["held"] == 0, "its acknowledgement", timeout=5)
    queue = server.report(worker)["queues"]["celery"]
    assert queue["active"] == 0
    assert queue["busySeconds"] == pytest.approx(3, abs=0.5)


@every_pool
def test_a_worker_takes_its_report_away_when_it_ends(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    wait_for(lambda: server.report(worker), "the first report", timeout=2)
    assert worker.terminate().ended(timeout=15) == 0
    assert server.client.keys("taskfleet:*") == []


def test_tasks_that_wait_for_their_time_are_counted_apart(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker().start().ready()
    for _ in range(3):
        send(server.client, "proj.nap", 0, eta="2100-01-01T00:00:00+00:00")
    wait_for(lambda: numbers(server.report(worker)) == [0, 0, 3, 0], "the report of them")
    assert server.report(worker)["queues"]["celery"]["held"] == 3


def test_rate_limited_tasks_are_counted_apart(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker("threads", capacity=3).start().ready()
    for _ in range(3):
        send(server.client, "proj.limited")
    wait_for(lambda: server.report(worker).get("limited") == 2, "the report of them")


def test_prefetched_tasks_are_counted_apart(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(capacity=2, prefetchMultiplier=2).start().ready()
    for _ in range(4):
        send(server.client, "proj.nap", 3)
    wait_for(lambda: numbers(server.report(worker)) == [2, 2, 0, 0], "the report of them")


def test_tasks_that_opted_out_of_late_acknowledgement_are_named(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker().start().ready()
    report = wait_for(lambda: server.report(worker), "the first report")
    assert report["notes"] == ["Tasks that set acks_late to False: proj.early"]


def test_the_capacity_moves_with_the_pool(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(capacity=3, processAutoscale={"min": 1, "max": 3}).start().ready()
    wait_for(lambda: server.report(worker).get("capacity") == 1, "one process")
    for _ in range(3):
        send(server.client, "proj.nap", 3)
    wait_for(lambda: server.report(worker)["capacity"] == 3, "three processes")


def test_keys_carry_the_brokers_prefix(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(globalKeyPrefix="mine:").start().ready()
    wait_for(lambda: server.client.keys("mine:taskfleet:*"), "the report")
    assert server.client.keys("taskfleet:*") == []
    task = send(server.client, "proj.nap", 1, queue="mine:celery")
    wait_for(lambda: task in server.started(), "the task to start")
    assert server.client.keys("mine:taskfleet:*:held:*")
    wait_for(lambda: task in server.finished(), "the task to end")
    wait_for(lambda: not server.client.keys("*held*"), "the record to go")
    assert worker.terminate().ended() == 0
