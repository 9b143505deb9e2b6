"""One row of the table: a broker of its own, workers, what was sent to them, and the operator's reader."""

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from taskfleet.api import Key
from taskfleet.brokers.connection.redis_probe import access
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.monitor import BrokerMonitor
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.polling.worker_report import incarnation_of
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.queues.consumers import PoolConsumer
from tests.runtime.certificates import Certificates
from tests.runtime.giving_back import give_back_dead
from tests.runtime.messages import message
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

SECONDS = 0.2  # of a task
TASKS = 30
SLOTS = 2  # of a worker
_BROKER = Key("Broker", "test", "default")
_POOL = Key("WorkerPool", "test", "pool")


class Scene:
    """`notes` is where tasks tell that they start and end: no broker of the row."""

    def __init__(self, folder: Path, python: Path, notes: RedisServer, certificates: Certificates) -> None:
        self.folder = folder
        self.notes = notes
        self.certificates = certificates
        self.sent: list[str] = []
        self.workers: list[Worker] = []
        self._python = python

    def worker(self, url: str, *, environment: dict[str, str] | None = None, **settings: Any) -> Worker:
        """A worker with `settings` beside the usual ones; not started."""
        variables = {"TEST_NOTES_URL": self.notes.url, **(environment or {})}
        worker = Worker(self._python, url, self.folder, environment=variables, **settings)
        self.workers.append(worker)
        return worker

    def send(
        self, client: redis.Redis, number: int = TASKS, *, prefix: str = "", separator: str | None = None
    ) -> None:
        """To the queue `celery`; with a separator in ten lists by priority, as Celery's documentation suggests."""
        for count in range(number):
            priority = count % 10 if separator else 0
            key = f"{prefix}celery{separator}{priority}" if priority else f"{prefix}celery"
            self._push(client, key, priority)

    def _push(self, client: redis.Redis, key: str, priority: int = 0) -> None:
        task_id = str(uuid.uuid4())
        route = ("", "celery")
        body = message("proj.nap", (SECONDS,), task_id=task_id, priority=priority, eta=None, route=route)
        client.lpush(key, json.dumps(body))
        self.sent.append(task_id)

    def send_steadily(self, client: redis.Redis, number: int, *, every: float, prefix: str = "") -> None:
        """As a producer does while things happen. What failed may have arrived or not, so it counts as not sent."""
        for _ in range(number):
            try:
                self._push(client, f"{prefix}celery")
            except redis.RedisError:
                time.sleep(every)
            time.sleep(every)

    def finish(self, timeout: float = 120) -> None:
        """Wait until everything that was sent has run."""
        wait_for(lambda: set(self.notes.finished()) >= set(self.sent), timeout, what="all tasks to run")

    def operator_sees(
        self, target: Target, waiting: int, *, worker: Worker | None = None, **layout: Any
    ) -> None:
        """The operator's reader finds so many waiting tasks, and the worker's report."""

        def there(seen: BrokerSnapshot) -> bool:
            pods = {start.pod for start in seen.reports}
            return seen.total("celery") == waiting and (worker is None or worker.name in pods)

        asyncio.run(
            _read(
                target,
                Layout(**{"prefix": "", "reports": "taskfleet:cluster-1:test:reports", **layout}),
                there,
            )
        )

    def operator_finds(self, target: Target) -> Probe:
        """The first verdict of the operator's look."""
        return asyncio.run(_look(target))

    def operator_purges(self, target: Target, queue: str) -> int | None:
        """How many messages that were."""
        return asyncio.run(_purge(target, queue))

    def give_back(self, worker: Worker, target: Target, *, prefix: str = "") -> None:
        """What the operator does when a container has ended: for each start that still has a report."""
        layout = Layout(prefix=prefix, reports="taskfleet:cluster-1:test:reports")
        asyncio.run(_give_back(target, layout, worker.name))

    def secrets_told(self, secrets: Sequence[str]) -> list[str]:
        """Which of the secrets stand in a worker's log, last words or command line."""
        told = "".join(
            worker.log + worker.termination_log + " ".join(worker.command) for worker in self.workers
        )
        return [secret for secret in secrets if secret in told]


async def _read(target: Target, layout: Layout, there: Any) -> None:
    news = asyncio.Event()
    monitor = BrokerMonitor(lambda _: news.set(), lambda _broker, _seen: news.set())
    monitor.subscribe(_POOL, _BROKER, PoolConsumer("uid-1", ("celery",)))
    try:
        async with asyncio.timeout(30):
            while True:
                probe = monitor.watch(_BROKER, target, layout)
                seen = monitor.snapshot(_BROKER)
                if (
                    probe is not None
                    and probe.verdict is Verdict.REACHABLE
                    and seen is not None
                    and there(seen)
                ):
                    return
                await news.wait()
                news.clear()
    finally:
        await monitor.close()


async def _look(target: Target) -> Probe:
    news = asyncio.Event()
    monitor = BrokerMonitor(lambda _: news.set())
    layout = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")
    try:
        async with asyncio.timeout(30):
            while (probe := monitor.watch(_BROKER, target, layout)) is None:
                await news.wait()
                news.clear()
            return probe
    finally:
        await monitor.close()


async def _purge(target: Target, queue: str) -> int | None:
    monitor = BrokerMonitor(lambda _: None)
    try:
        monitor.watch(_BROKER, target, Layout(prefix="", reports="taskfleet:cluster-1:test:reports"))
        return await monitor.purge(_BROKER, queue, token="first", owner_uid="uid")
    finally:
        await monitor.close()


async def _give_back(target: Target, layout: Layout, pod: str) -> None:
    client: Any = access(target).client()
    try:
        for field in await client.hkeys(f"{layout.prefix}{layout.reports}"):
            start = incarnation_of(field)
            if start is not None and start.pod == pod:
                await give_back_dead(client, layout, start)
    finally:
        await client.aclose()
