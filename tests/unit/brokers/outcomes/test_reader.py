"""Reading the totals of pools from a real Redis: which are read, and what odd hashes do."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.api import Key
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes import reader as module
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.outcomes.interrupted import count_interrupted
from taskfleet.brokers.outcomes.pace import OutcomePace
from taskfleet.brokers.outcomes.reader import OutcomeReader
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.queues.consumers import PoolConsumer
from tests.runtime.redis_server import RedisServer

BROKER = Key("Broker", "shop", "default")
MAIL, SMS = Key("WorkerPool", "shop", "mail"), Key("WorkerPool", "shop", "sms")
LAYOUT = Layout(prefix="app:", reports="taskfleet:c:shop:reports")
POOLS = {MAIL: PoolConsumer("uid-1", ("high",)), SMS: PoolConsumer("uid-2", ("high",))}
START = Incarnation("uid-1", "mail-1", "s1")


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.flushall()


def with_client(server: RedisServer, work: Callable[[Redis], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Redis.from_url(server.url) as client:
            await work(client)

    asyncio.run(run())


def reader(board: OutcomeBoard, clock: Callable[[], float] = time.monotonic) -> OutcomeReader:
    return OutcomeReader(BROKER, LAYOUT, board, OutcomePace(), clock)


def count(server: RedisServer, total: int, uid: str = "uid-1", kind: str = "succeeded") -> None:
    server.client.hset(LAYOUT.key("outcomes", uid), f"{kind}\npay\nhigh\n", total)


def exported(board: OutcomeBoard, name: str = "celery_task_succeeded_total") -> list[tuple[str, str]]:
    """Pool and value of the samples of a counter."""
    text = b"".join(board.text()).decode()
    return re.findall(rf'^{name}\{{.*pool="(\w+)".* (\d+)$', text, re.MULTILINE)


def test_a_new_leader_begins_with_the_stored_totals_and_reads_again_what_has_news(
    server: RedisServer,
) -> None:
    now = 100.0

    async def work(client: Redis) -> None:
        nonlocal now
        board = OutcomeBoard()
        one = reader(board, lambda: now)
        count(server, 7)
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "7")]
        count(server, 9)
        now += 10
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "7")], "no worker has said anything new"
        one.heard(["uid-1", "another"], now=now)
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "9")]
        # What a worker has just reported is in the totals a moment later.
        count(server, 10)
        now += 10
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "10")]
        count(server, 11)
        now += 10
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "10")], "it is idle by now"

    with_client(server, work)


def test_a_pool_that_is_gone_or_made_anew_has_no_old_samples(server: RedisServer) -> None:
    async def work(client: Redis) -> None:
        board = OutcomeBoard()
        one = reader(board)
        count(server, 7)
        count(server, 3, "uid-2")
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "7"), ("sms", "3")]
        await one.run(client, {MAIL: PoolConsumer("uid-9", ("high",))})
        assert exported(board) == []

    with_client(server, work)


def test_totals_that_the_server_has_lost_stay_until_there_are_new_ones(server: RedisServer) -> None:
    async def work(client: Redis) -> None:
        board = OutcomeBoard()
        one = reader(board)
        count(server, 7)
        await one.run(client, POOLS)
        server.client.flushall()
        one.heard(["uid-1"], now=0.0)
        await one.run(client, POOLS)
        assert exported(board) == [("mail", "7")]

    with_client(server, work)


def test_odd_hashes_of_one_pool_hide_no_other(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(client: Redis) -> None:
        board = OutcomeBoard()
        count(server, 3, "uid-2")
        for odd in ("too many fields", "another type"):
            server.client.delete(LAYOUT.key("outcomes", "uid-1"))
            if odd == "another type":
                server.client.set(LAYOUT.key("outcomes", "uid-1"), "a text")
            else:
                server.client.hset(LAYOUT.key("outcomes", "uid-1"), mapping=dict.fromkeys("abc", "1"))
            await reader(board).run(client, POOLS)
            assert exported(board) == [("sms", "3")]

    monkeypatch.setattr(module, "MAX_FIELDS", 2)
    with_client(server, work)


def test_pools_are_read_in_answers_of_bounded_size(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(client: Redis) -> None:
        board = OutcomeBoard()
        pools = {
            Key("WorkerPool", "shop", f"p{number}"): PoolConsumer(f"uid-{number}", ()) for number in range(5)
        }
        for number in range(5):
            count(server, number + 1, f"uid-{number}")
        await reader(board).run(client, pools)
        assert len(exported(board)) == 5
        assert server.client.info("commandstats")["cmdstat_hgetall"]["calls"] >= 5

    monkeypatch.setattr(module, "_FIELDS_AT_ONCE", 2)
    monkeypatch.setattr(module, "_LENGTHS_AT_ONCE", 2)
    with_client(server, work)


def running(server: RedisServer, number: str = "2") -> None:
    """As a worker writes it (taskfleet_worker/broker/outcome_folds.py)."""
    server.client.hset(LAYOUT.key("reports"), "/".join(START), "report")
    fields: dict[Any, Any] = {
        "running\npay\nhigh\n": number,
        "running\nnew\nhigh\n": "1",
        "started\npay\nhigh\n": "5",
    }
    server.client.hset(LAYOUT.key("outcomes", "/".join(START)), mapping=fields)
    server.client.hset(LAYOUT.key("outcomes", "uid-1:names"), "pay", "1")


def test_what_a_dead_process_ran_is_interrupted_once(server: RedisServer) -> None:
    async def work(client: Redis) -> None:
        running(server)
        assert await count_interrupted(client, LAYOUT, START, report=b"report") == 3
        assert await count_interrupted(client, LAYOUT, START, report=b"report") == 0
        assert server.client.hgetall(LAYOUT.key("outcomes", "uid-1")) == {
            "interrupted\npay\nhigh\n": "2",
            "interrupted\nother\nhigh\n": "1",
        }
        board = OutcomeBoard()
        await reader(board).run(client, POOLS)
        assert exported(board, "taskfleet_task_interrupted_total") == [("mail", "1"), ("mail", "2")]

    with_client(server, work)


def test_a_process_that_has_spoken_again_runs_on(server: RedisServer) -> None:
    async def work(client: Redis) -> None:
        running(server)
        assert await count_interrupted(client, LAYOUT, START, report=b"an older report") == 0

    with_client(server, work)


def test_odd_totals_keep_nobody_from_requeuing(server: RedisServer) -> None:
    async def work(client: Redis) -> None:
        running(server, "-1e9")
        server.client.set(LAYOUT.key("outcomes", "uid-1"), "a text")
        assert await count_interrupted(client, LAYOUT, START, report=b"report") == 0

    with_client(server, work)
