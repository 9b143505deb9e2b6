"""Failed tasks of a pool in a real Redis, as its workers record them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import FailedTask
from taskfleet.brokers.failures.reader import Page, names, newest
from taskfleet.brokers.key_layout import Layout
from taskfleet_worker.broker.failure_folds import FailureFolds
from taskfleet_worker.deliveries import Delivery
from taskfleet_worker.keys import keys
from taskfleet_worker.pool.failures import Failures
from taskfleet_worker.pool.outcomes import OfQueue, OfTask, Run
from taskfleet_worker.settings import FailureSettings, read_settings
from tests.runtime.redis_server import RedisServer
from tests.unit.worker.factories import environment

LAYOUT = Layout(prefix="app:", reports="taskfleet:cluster-1:test:reports")
NAMES = names(LAYOUT, "uid-1")
WEEK = 7 * 24 * 3600.0
T = TypeVar("T")


class Pool:
    """Its worker: each failure is recorded at once. `identity`: other settings of the worker than those of LAYOUT."""

    def __init__(
        self,
        server: RedisServer,
        *,
        identity: dict[str, str] | None = None,
        prefix: str = "app:",
        **settings: Any,
    ) -> None:
        self._server = server
        self._failures = Failures(FailureSettings(**{"messages": True, "limit": 10_000, **settings}))
        names_of_keys = keys(read_settings(environment(**(identity or {}))), "pod", "s1")
        self._folds = FailureFolds(self._failures, names_of_keys, prefix)

    def fail(
        self, *ids: str, name: str = "shop.pay", error: Exception | None = None, **options: Any
    ) -> "Pool":
        for task in ids:
            self._failures.add(
                *failure(task, name, error or ValueError("no"), **options), "Traceback\nlast line"
            )
            if self._failures.waiting >= 100:
                self._folds.finish(self._server.client)
        self._folds.finish(self._server.client)
        return self


def failure(
    task: str, name: str, error: Exception, *, queue: str = "high", priority: int = 0, chord: bool = False
) -> tuple[Any, Run, Exception]:
    headers = {"id": task, "task": name, "retries": 2, "argsrepr": "(1,)", "root_id": "root", "group": "g"}
    payload = {"body": "W10=", "headers": headers, "properties": {"priority": priority}}
    message = SimpleNamespace(headers=headers)
    request = SimpleNamespace(id=task, name=name, message=message, chord={"task": "x"} if chord else None)
    delivery = Delivery(queue, queue, f"{queue}.dead", 1, payload, eta=False)
    return request, Run(OfTask(name, OfQueue(queue)), queue, delivery), error


def run(server: RedisServer, ask: Callable[[Redis], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Redis.from_url(server.url) as client:
            return await ask(client)

    return asyncio.run(asked())


def page(server: RedisServer, *, before: int | None = None, retention: float = WEEK) -> Page:
    return run(server, lambda client: newest(client, NAMES, before=before, retention=retention))


def listed(server: RedisServer) -> list[FailedTask]:
    """All pages, the newest first."""
    found: list[FailedTask] = []
    before = None
    while (one := page(server, before=before)).next is not None:
        found += one.tasks
        before = one.next
    return found


def ids(server: RedisServer) -> list[str]:
    return [task.id for task in listed(server)]


def in_line(server: RedisServer, name: str) -> list[str]:
    """Ids in the order in which workers fetch them."""
    return [json.loads(line)["headers"]["id"] for line in reversed(server.lines(f"app:{name}"))]
