"""How long 10,000 failed tasks take, with their messages: listed in pages, grouped by cause, and sent again, each once."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import Action, Request
from taskfleet.brokers.failures.reader import names, newest
from taskfleet.brokers.failures.retry import carry_out
from taskfleet.brokers.key_layout import Layout
from taskfleet.commands.failed import explained
from taskfleet.commands.failed_groups import grouped
from tests.runtime.redis_server import RedisServer
from tests.tools.load.figure import Figure

TASKS = 10_000
LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")
NAMES = names(LAYOUT, "uid-1")
WEEK = 7 * 24 * 3600.0
RECORD = {
    "name": "shop.pay", "queue": "high", "priority": 0, "time": 1.8e9, "runtime": 0.1, "exception": "ValueError",
    "root": "root", "group": "", "retries": 3, "chord": False,
}  # fmt: skip
FAILED_TASKS_NAMES = ("failed_tasks_10000_listed", "failed_tasks_10000_retried")


def failed_tasks(folder: Path) -> Iterator[Figure]:
    with RedisServer(folder) as server:
        wanted = [f"id-{number}" for number in range(TASKS)]
        _record(server, wanted)
        listed, retried = asyncio.run(_measured(server.url))
        assert Counter(server.waiting("high")) == Counter(wanted)
    yield Figure(FAILED_TASKS_NAMES[0], round(listed, 2), "s", TASKS)
    yield Figure(FAILED_TASKS_NAMES[1], round(retried, 2), "s", TASKS)


def _record(server: RedisServer, ids: Sequence[str]) -> None:
    """As workers do it: worker-image/README.md."""
    by_time, records, tracebacks, messages = NAMES.parts
    now = int(time.time() * 1_000_000)
    pipe = server.client.pipeline()
    for number, task in enumerate(ids):
        message = {
            "body": "W10=" * 100,
            "headers": {"id": task, "task": "shop.pay"},
            "properties": {"priority": 0},
        }
        pipe.zadd(by_time, {task: now - TASKS + number})
        pipe.hset(records, task, json.dumps({**RECORD, "id": task, "message": f"order {number} is unknown"}))
        pipe.hset(tracebacks, task, "line\n" * 200)
        pipe.hset(messages, task, json.dumps(message))
    pipe.execute()


async def _measured(url: str) -> tuple[float, float]:
    """Seconds to list and group them, and to send them again."""
    async with Redis.from_url(url) as client:
        began = time.monotonic()
        page = await newest(client, NAMES, before=None, retention=WEEK)
        tasks = list(page.tasks)
        while page.next is not None:
            page = await newest(client, NAMES, before=page.next, retention=WEEK)
            tasks += page.tasks
        (group,) = grouped([explained(asdict(task)) for task in tasks])
        listed = time.monotonic()
        handled = await carry_out(client, LAYOUT, NAMES, Request("one", Action.RETRY), retention=WEEK)
        assert handled is not None
        assert (group["count"], handled.tasks) == (TASKS, TASKS)
        return listed - began, time.monotonic() - listed
