"""The keeper on a real Redis: what it writes, what it takes away, and whom it tells."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.api import Key, Object
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.schedules import sync as schedule_keeper
from taskfleet.brokers.schedules.sync import ScheduleKeeper
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import until
from tests.unit.objects import NAMESPACE, own

BROKER = Key("Broker", NAMESPACE, "default")
LAYOUT = Layout(prefix="app:", reports="taskfleet:c:shop:reports")
ENTRIES, VERSION, STATES, BEAT = (
    f"app:taskfleet:c:shop:schedules{part}" for part in ("", ":version", ":state", ":beat")
)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_keeper, "_EVERY_SECONDS", 0.05)
    server.client.flushall()


class OneBroker:
    """Knows one broker, and connects when it is asked."""

    def __init__(self, url: str) -> None:
        self._own: Redis = Redis.from_url(url, socket_timeout=2)

    def client(self, broker: Key) -> Redis | None:
        return self._own if broker == BROKER else None

    def layout(self, broker: Key) -> Layout | None:
        return LAYOUT if broker == BROKER else None

    async def close(self) -> None:
        await self._own.aclose()


class Scene:
    """PeriodicSchedules by name, a keeper of them, and what it tells."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.objects: dict[str, Object] = {}
        self.told: list[str] = []
        self.sooner: list[str] = []
        self.brokers = OneBroker(server.url)
        self.keeper = self.new_keeper()

    def new_keeper(self) -> ScheduleKeeper:
        return ScheduleKeeper(
            self.brokers,
            lambda _: self.objects.values(),
            lambda key: self.told.append(key.name),
            now=lambda: NOW,
            on_sooner=lambda _, queues: self.sooner.extend(queues),
        )

    def apply(self, name: str, *, status: Object | None = None, **spec: Any) -> None:
        generation = self.objects[name]["metadata"]["generation"] + 1 if name in self.objects else 1
        base = {} if "schedule" in spec else {"interval": "30s"}
        meta: Object = {"creationTimestamp": "2026-01-01T00:00:00Z", "generation": generation}
        obj = own("PeriodicSchedule", name, {"task": "t", **base, **spec}, status=status, **meta)
        self.objects[name] = obj
        self.keeper.wake_for(BROKER, obj)

    def runs(self, name: str) -> int | None:
        """What the keeper knows of them; None: nothing."""
        seen = self.keeper.seen(BROKER)
        state = seen.states.get(f"uid-of-{name}") if seen is not None else None
        return state.runs if state is not None else None

    def delete(self, name: str) -> None:
        del self.objects[name]
        self.keeper.wake(BROKER)

    @property
    def entries(self) -> dict[str, Any]:
        found: dict[Any, Any] = self.server.client.hgetall(ENTRIES)
        return {_text(uid).removeprefix("uid-of-"): json.loads(value) for uid, value in found.items()}

    @property
    def version(self) -> int:
        return int(_text(self.server.client.get(VERSION)))

    def state(self, name: str, **state: Any) -> None:
        """As beat writes it."""
        self.server.client.hset(STATES, f"uid-of-{name}", json.dumps(state))

    async def until(self, condition: Callable[[], object]) -> None:
        await until(condition, 20)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@asynccontextmanager
async def scene(server: RedisServer) -> AsyncIterator[Scene]:
    one = Scene(server)
    try:
        yield one
    finally:
        await one.keeper.close()
        await one.brokers.close()


async def test_entries_follow_their_objects(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        one.apply("b", queue="low")
        await one.until(lambda: one.entries.keys() == {"a", "b"})
        assert one.entries["b"]["queue"] == "low"
        version = one.version
        one.apply("b", queue="high")
        await one.until(lambda: one.entries["b"]["queue"] == "high")
        assert one.version == version + 1
        one.state("a", runs=3)
        one.delete("a")
        await one.until(lambda: one.entries.keys() == {"b"})
        assert server.client.hkeys(STATES) == []


async def test_a_schedule_that_means_nothing_is_taken_away_alone_and_keeps_its_count(
    server: RedisServer,
) -> None:
    async with scene(server) as one:
        one.apply("a")
        one.apply("b")
        await one.until(lambda: one.entries.keys() == {"a", "b"})
        one.state("a", runs=3)
        one.apply("a", schedule="61 * * * *")
        await one.until(lambda: one.entries.keys() == {"b"})
        assert server.client.hexists(STATES, "uid-of-a")
        one.apply("a")
        await one.until(lambda: "a" in one.entries)
        assert one.entries["a"]["since"] == NOW.timestamp()


async def test_a_redis_that_lost_its_data_gets_it_again_with_what_the_status_remembers(
    server: RedisServer,
) -> None:
    async with scene(server) as one:
        one.apply("a", status={"totalRunCount": 4, "lastScheduleTime": "2026-01-01T11:00:00Z"})
        await one.until(lambda: one.entries)
        server.client.flushall()
        await one.until(lambda: one.entries)
        assert json.loads(_text(server.client.hget(STATES, "uid-of-a")))["runs"] == 4


async def test_what_went_while_no_operator_ran_is_taken_away_by_the_next_one(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        one.apply("b")
        await one.until(lambda: one.entries.keys() == {"a", "b"})
        await one.keeper.close()
        del one.objects["a"]
        one.keeper = one.new_keeper()
        one.keeper.wake(BROKER)
        await one.until(lambda: one.entries.keys() == {"b"})


async def test_an_operator_that_starts_again_writes_nothing(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        await one.until(lambda: one.entries)
        version = server.client.get(VERSION)
        await one.keeper.close()
        one.keeper = one.new_keeper()
        one.keeper.wake(BROKER)
        await one.until(lambda: one.keeper.seen(BROKER) is not None)
        assert server.client.get(VERSION) == version


async def test_after_the_last_schedule_the_broker_is_left_alone(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        await one.until(lambda: one.entries)
        one.delete("a")
        kept = one.keeper._kept[BROKER]
        await one.until(lambda: kept.task is not None and kept.task.done())
        assert one.entries == {}
        one.apply("b")
        await one.until(lambda: one.entries.keys() == {"b"})


async def test_news_of_a_run_are_told_once_and_news_of_beat_to_all(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        one.apply("b")
        await one.until(lambda: one.keeper.seen(BROKER) and len(one.entries) == 2)
        one.told.clear()
        one.state("a", runs=1, lastTaskId="an-id", next=NOW.timestamp() + 30)
        await one.until(lambda: one.told)
        assert one.told == ["a"]
        seen = one.keeper.seen(BROKER)
        assert seen is not None
        assert (seen.states["uid-of-a"].runs, seen.states["uid-of-a"].last_task_id) == (1, "an-id")
        server.client.set(BEAT, json.dumps({"v": 1, "ready": True, "at": 1}))
        await one.until(lambda: len(one.told) == 3)
        assert sorted(one.told[1:]) == ["a", "b"]


async def test_the_next_run_of_each_queue_is_known_and_told_when_it_comes_sooner(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        one.apply("b", queue="low")
        one.apply("c", queue="low")
        await one.until(lambda: len(one.entries) == 3)
        for name, seconds in (("a", 5), ("b", 30), ("c", 20)):
            one.state(name, next=NOW.timestamp() + seconds)
        await one.until(lambda: one.keeper.next_runs(BROKER) == {"celery": 5.0, "low": 20.0})
        assert {"celery", "low"} <= set(one.sooner)
        one.sooner.clear()
        one.state("a", next=NOW.timestamp() + 35)
        await one.until(lambda: one.keeper.next_runs(BROKER)["celery"] == 35.0)
        assert one.sooner == []


async def test_a_redis_without_memory_takes_no_entry_and_still_tells_of_runs(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a")
        await one.until(lambda: one.entries)
        one.state("a", runs=1)
        server.client.config_set("maxmemory", "1")
        try:
            one.apply("b")
            one.told.clear()
            await one.until(lambda: one.runs("a") == 1)
            assert one.entries.keys() == {"a"}
        finally:
            server.client.config_set("maxmemory", "0")
        await one.until(lambda: one.entries.keys() == {"a", "b"})


async def test_a_seed_is_no_word_of_beats(server: RedisServer) -> None:
    async with scene(server) as one:
        one.apply("a", status={"totalRunCount": 4, "lastScheduleTime": "2026-01-01T11:00:00Z"})
        await one.until(
            lambda: (seen := one.keeper.seen(BROKER)) and server.client.hexists(STATES, "uid-of-a") and seen
        )
        await one.until(lambda: one.keeper._kept[BROKER].raw)
        assert one.runs("a") is None
        one.state("a", runs=4)
        await one.until(lambda: one.runs("a") == 4)


@pytest.mark.parametrize("value", ["[]", "{", '{"next": "soon"}', '{"next": 1e400}', "x" * 5000, "null"])
async def test_odd_states_harm_nobody(server: RedisServer, value: str) -> None:
    async with scene(server) as one:
        one.apply("a")
        one.apply("b")
        await one.until(lambda: len(one.entries) == 2)
        server.client.hset(STATES, "uid-of-a", value)
        one.state("b", runs=1)
        await one.until(lambda: (seen := one.keeper.seen(BROKER)) and "uid-of-b" in seen.states)


async def test_a_broker_that_goes_away_is_written_to_when_it_is_back(tmp_path: Any) -> None:
    with RedisServer(tmp_path) as server:
        async with scene(server) as one:
            one.apply("a")
            await one.until(lambda: one.entries)
            server.kill()
            await one.until(lambda: one.keeper.seen(BROKER) is None)
            one.apply("b")
            server.start()
            await one.until(lambda: "b" in one.entries)
