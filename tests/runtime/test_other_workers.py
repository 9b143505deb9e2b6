"""Workers outside of Taskfleet on the same database: what they leave behind, and what they take. With kombu itself."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import redis.asyncio

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.recovery.duplicate_deliveries import DuplicateDeliveries
from taskfleet.brokers.recovery.requeue_expired import ExpiredRequeuer, Swept
from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
T = TypeVar("T")
LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports", visibility_timeout=2.0)

# A consumer that fetches one message and is gone, as a worker that was killed.
FETCH = """
import os, sys
from kombu import Connection
channel = Connection(sys.argv[1]).default_channel
assert channel.basic_get("celery") is not None
os._exit(9)
"""
# What the loop of a worker with a short timeout does.
RESTORE = """
import sys
from kombu import Connection
channel = Connection(sys.argv[1], transport_options={"visibility_timeout": 1}).default_channel
channel.qos.restore_visible(num=1000, interval=1)
"""


def kombu(python: Path, script: str, server: RedisServer) -> None:
    subprocess.run([python, "-c", script, server.url], check=False, timeout=60)


def ask(server: RedisServer, question: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
    async def run() -> T:
        async with redis.asyncio.Redis(port=server.port) as client:
            return await question(client)

    return asyncio.run(run())


def test_what_a_worker_of_somebody_else_left_behind_is_executed(
    make_worker: MakeWorker, python: Path, server: RedisServer
) -> None:
    task = send(server.client, "proj.nap", 0)
    kombu(python, FETCH, server)
    assert (server.client.hlen("unacked"), server.waiting("celery")) == (1, [])
    restorer = ExpiredRequeuer(LAYOUT, "one")
    swept: list[Swept] = []

    def requeued() -> bool:
        swept.append(ask(server, restorer.sweep))
        return swept[-1].requeued == 1

    wait_for(requeued, 30, what="the message to expire", poll=0.2)
    assert server.waiting("celery") == [task]
    make_worker("threads").start().ready()
    wait_for(lambda: server.finished() == [task], 30, what="the task")
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="its acknowledgement")


def test_a_running_task_that_somebody_else_gives_to_others_is_noticed(
    make_worker: MakeWorker, python: Path, server: RedisServer
) -> None:
    worker = make_worker("threads", capacity=1).start().ready()
    task = send(server.client, "proj.nap", 60)
    wait_for(lambda: server.held(worker) == 1, 30, what="the worker to hold it")
    fetched = time.monotonic()
    wait_for(lambda: time.monotonic() - fetched > 1.5, 30, what="the other one's timeout")
    kombu(python, RESTORE, server)
    assert server.client.hlen("unacked") == 0, f"kombu has given {task} back"
    taken = DuplicateDeliveries(LAYOUT)
    start = Incarnation(*server.start_of(worker).split("/"))
    report = Report("ready", queues={"celery": QueueWork(held=1)})
    seen = BrokerSnapshot(10.0, {}, {start: LastReport(report, 10.0)})
    for _ in range(2):
        ask(server, lambda client: taken.scan(client, seen, set()))
    assert taken.lately(10.0) == 1
