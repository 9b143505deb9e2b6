"""Failed tasks with no other rights on Redis than those that the documentation gives to an ACL user."""

from pathlib import Path
from typing import Any

import redis
from redis.asyncio import Redis

from taskfleet.brokers.failures.failed_task import Action, Handled, Request
from taskfleet.brokers.failures.reader import newest, one
from taskfleet.brokers.failures.retry import carry_out
from tests.runtime.brokers.acl import acl_commands
from tests.runtime.redis_server import RedisServer
from tests.unit.brokers.failures.records import LAYOUT, NAMES, WEEK, Pool


async def test_the_documented_rights_suffice(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        admin: Any = server.client
        for command in acl_commands(user="shop", password="secret", database=0, prefix="app:"):
            admin.execute_command(*command)
        url = f"redis://shop:secret@127.0.0.1:{server.port}/0"
        server.client = redis.Redis.from_url(url, decode_responses=True)
        pool = Pool(server, limit=2).fail("a", "b", "c")
        async with Redis.from_url(url) as client:
            page = await newest(client, NAMES, before=None, retention=WEEK)
            assert [task.id for task in page.tasks] == ["c", "b"]
            assert await one(client, NAMES, "b") is not None
            request = Request("one", Action.RETRY)
            assert await carry_out(client, LAYOUT, NAMES, request, retention=WEEK) == Handled(2)
            pool.fail("d")
            request = Request("two", Action.FORGET)
            assert await carry_out(client, LAYOUT, NAMES, request, retention=WEEK) == Handled(1)
        assert admin.acl_log() == []
