"""The monitor against a real Redis: what it tells, and whom a broker that goes away concerns."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from taskfleet.api import Key
from taskfleet.brokers import monitor as module
from taskfleet.brokers.capabilities import REDIS
from taskfleet.brokers.connection.target import target_of
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.monitor import BrokerMonitor
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.queues.consumers import PoolConsumer
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import until

BROKER = Key("Broker", "ns", "default")
POOL = Key("WorkerPool", "ns", "mails")
LAYOUT = Layout(prefix="", reports="taskfleet:c:ns:reports")
READER = PoolConsumer("uid", ("high", "low"))


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


class Told:
    """Keys of which the monitor brought news."""

    def __init__(self) -> None:
        self.keys: list[Key] = []

    async def until(self, condition: Callable[[], object]) -> None:
        await until(condition, 30)


@asynccontextmanager
async def monitor() -> AsyncIterator[tuple[BrokerMonitor, Told]]:
    told = Told()
    one = BrokerMonitor(told.keys.append)
    try:
        yield one, told
    finally:
        await one.close()


def report(server: RedisServer, seq: int, active: int) -> None:
    value = json.dumps({"v": 1, "seq": seq, "state": "ready", "active": active})
    server.client.hset(LAYOUT.reports, "uid/pod-1/s1", value)


def test_a_broker_that_answers_is_told_with_its_version(server: RedisServer) -> None:
    async def run() -> None:
        async with monitor() as (one, told):
            assert one.watch(BROKER, target_of(server.url), LAYOUT) is None
            await told.until(lambda: BROKER in told.keys)
            found = one.watch(BROKER, target_of(server.url), LAYOUT)
            assert found is not None
            assert (found.verdict, found.version) == (
                Verdict.REACHABLE,
                server.client.info()["redis_version"],
            )

    asyncio.run(run())


def test_a_pool_is_told_when_its_figures_change_and_read_at_every_queue(server: RedisServer) -> None:
    async def run() -> None:
        async with monitor() as (one, told):
            one.subscribe(POOL, BROKER, READER)
            one.watch(BROKER, target_of(server.url), LAYOUT)
            await told.until(lambda: POOL in told.keys)
            told.keys.clear()
            server.client.lpush("low\x06\x163", "a", "b")
            report(server, 1, active=1)
            await told.until(lambda: POOL in told.keys)
            seen = one.snapshot(BROKER)
            assert seen is not None
            assert (seen.total("low"), len(seen.reports)) == (2, 1)

    asyncio.run(run())


def test_the_outcomes_of_a_pools_tasks_are_exported_while_its_broker_is_watched(server: RedisServer) -> None:
    async def run() -> None:
        server.client.hset(LAYOUT.key("outcomes", READER.uid), "succeeded\npay\nhigh\n", 7)
        async with monitor() as (one, told):
            one.subscribe(POOL, BROKER, READER)
            one.watch(BROKER, target_of(server.url), LAYOUT)
            await told.until(lambda: any(text.endswith(b" 7\n") for text in one.outcomes.text()))
            one.forget(BROKER)
            assert [*one.outcomes.text()] == []

    asyncio.run(run())


def test_a_broker_that_goes_away_leaves_no_old_observation(server: RedisServer) -> None:
    async def run() -> None:
        async with monitor() as (one, told):
            one.watch(BROKER, target_of(server.url), LAYOUT)
            await told.until(lambda: one.snapshot(BROKER) is not None)
            server.kill()
            await told.until(lambda: one.snapshot(BROKER) is None)
            await told.until(lambda: _verdict(one, server) is Verdict.UNREACHABLE)
            server.start()
            await told.until(lambda: one.snapshot(BROKER) is not None)

    asyncio.run(run())


def test_a_pool_is_told_when_a_broker_is_back_though_its_pods_say_what_they_said(server: RedisServer) -> None:
    async def run() -> None:
        async with monitor() as (one, told):
            one.subscribe(POOL, BROKER, READER)
            one.watch(BROKER, target_of(server.url), LAYOUT)
            report(server, 1, active=1)
            await told.until(lambda: getattr(one.snapshot(BROKER), "reports", None))
            await told.until(lambda: POOL in told.keys)
            server.kill()
            await told.until(lambda: one.snapshot(BROKER) is None)
            told.keys.clear()
            server.start()
            report(server, 1, active=1)
            await told.until(lambda: POOL in told.keys)

    asyncio.run(run())


def test_a_broker_is_told_when_it_must_be_polled_and_when_it_announces_changes(server: RedisServer) -> None:
    def allow(command: str) -> None:
        server.client.acl_setuser(
            "some", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=[command]
        )

    async def run() -> None:
        allow("-client|tracking")
        async with monitor() as (one, told):
            one.watch(BROKER, target_of(f"redis://some:pw@127.0.0.1:{server.port}/0"), LAYOUT)
            await told.until(lambda: "CLIENT TRACKING" in (one.polls_because(BROKER) or ""))
            await told.until(lambda: BROKER in told.keys)
            told.keys.clear()
            allow("+client|tracking")
            await told.until(lambda: BROKER in told.keys and one.polls_because(BROKER) is None)

    asyncio.run(run())


def test_a_pool_that_moves_to_another_broker_is_read_there_only(server: RedisServer) -> None:
    async def run() -> None:
        async with monitor() as (one, told):
            other = Key("Broker", "ns", "other")
            one.watch(BROKER, target_of(server.url), LAYOUT)
            one.watch(other, target_of(server.url), LAYOUT)
            one.subscribe(POOL, BROKER, READER)
            await told.until(lambda: "high" in getattr(one.snapshot(BROKER), "waiting", {}))
            one.subscribe(POOL, other, READER)
            await told.until(lambda: "high" in getattr(one.snapshot(other), "waiting", {}))
            await told.until(lambda: "high" not in getattr(one.snapshot(BROKER), "waiting", {"high": ()}))

    asyncio.run(run())


def _verdict(one: BrokerMonitor, server: RedisServer) -> Verdict | None:
    found = one.watch(BROKER, target_of(server.url), LAYOUT)
    return found.verdict if found is not None else None


class Deaf:
    """A transport whose calls lose their cancellation, as those of a client whose timeout passes at that moment."""

    capabilities = REDIS
    redis = None

    def __init__(self, *_: object, on_reading: Callable[[BrokerSnapshot | None], None], **__: object) -> None:
        self._on_reading = on_reading
        self.closed = asyncio.Event()

    async def probe(self) -> Probe:
        await self._lose_cancellation()
        return Probe(Verdict.REACHABLE)

    async def run(self) -> None:
        await self._lose_cancellation()
        self._on_reading(None)

    async def aclose(self) -> None:
        self.closed.set()

    async def _lose_cancellation(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


@pytest.mark.parametrize("watched_again", [False, True], ids=["forgotten", "at-another-address"])
def test_what_loses_its_cancellation_ends_at_its_next_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, watched_again: bool
) -> None:
    monkeypatch.setattr(module, "RedisTransport", Deaf)

    async def run() -> None:
        async with monitor() as (one, told):
            before = asyncio.all_tasks()
            one.watch(BROKER, target_of("redis://127.0.0.1:1/0"), LAYOUT)
            old = asyncio.all_tasks() - before
            await asyncio.sleep(0)
            one.forget(BROKER)
            if watched_again:
                one.watch(BROKER, target_of("redis://127.0.0.1:2/0"), LAYOUT)
            _, pending = await asyncio.wait(old, timeout=10)
            assert (pending, told.keys, one.asked(BROKER)) == (set(), [], False)

    asyncio.run(run())
    assert "never retrieved" not in caplog.text
