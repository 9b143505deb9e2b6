"""The poller on a real Redis: what wakes it, and how it goes on where nothing does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis as redis_py

from taskfleet import metrics
from taskfleet.brokers.connection.raw_connection import Endpoint
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling import reading_schedule, wake_ups
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, Query
from taskfleet.brokers.polling.redis_poller import RedisPoller
from taskfleet.brokers.polling.share import Share
from tests.runtime.redis_server import RedisServer
from tests.tools.load.pretend_pods import report
from tests.tools.waiting import until
from tests.unit.brokers.polling.between import Between, without_announcements

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports")
REPORTS, POD = "app:taskfleet:c:ns:reports", "uid/pod/1"
QUERY = Query(LAYOUT, ("mail", "other"))
NEVER = float("inf")


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a wake-up leads to a reading of a broker at rest."""
    monkeypatch.setattr(reading_schedule, "_AT_REST_SECONDS", 600.0)


class Polled:
    """What a poller has found."""

    def __init__(self, port: int, username: str | None = None) -> None:
        self.seen: list[BrokerSnapshot | None] = []
        self._news = asyncio.Event()
        self._endpoint = Endpoint("127.0.0.1", port, username=username, password=username)
        self.share = Share("ns", f"broker-{port}")
        self.poller = RedisPoller(
            self._locate,
            lambda: QUERY,
            self._take,
            share=self.share,
            name="broker",
        )

    @property
    def waiting(self) -> int | None:
        """Messages in the first queue, by the last reading."""
        last = self.seen[-1] if self.seen else None
        return last.total("mail") if last is not None else None

    @property
    def active(self) -> int:
        """Tasks that pods run, by the last reading."""
        last = self.seen[-1]
        return sum(each.report.active for each in last.reports.values()) if last is not None else 0

    @property
    def missed(self) -> float:
        return (
            metrics.REGISTRY.get_sample_value(
                "taskfleet_broker_wake_ups_missed_total", {"namespace": "ns", "broker": self.share.broker}
            )
            or 0.0
        )

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        await until(condition, seconds)

    async def until_at_rest(self) -> None:
        """Until only a wake-up leads to a reading."""
        await self.until(lambda: self.poller._at_rest)
        schedule, pace = self.poller._schedule, self.share.pace_now
        await self.until(
            lambda: schedule.due(pace, now := time.monotonic(), woken=False, at_rest=True) > now + 0.3
        )

    async def _locate(self) -> Endpoint:
        return self._endpoint

    def _take(self, seen: BrokerSnapshot | None) -> None:
        self.seen.append(seen)


@asynccontextmanager
async def polled(port: int, username: str | None = None) -> AsyncIterator[Polled]:
    found = Polled(port, username)
    task = asyncio.create_task(found.poller.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.usefixtures("seldom")
async def test_a_message_in_a_quiet_queue_is_read_at_once(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with polled(server.port) as found:
        await found.until_at_rest()
        client.lpush("app:mail", "x")
        await found.until(lambda: found.waiting == 1)
        client.delete("app:mail")
        await found.until_at_rest()
        client.lpush("app:mail\x06\x163", "x", "y")
        await found.until(lambda: found.waiting == 2)
        assert (found.poller.polls_because, found.missed) == (None, 0)


@pytest.mark.usefixtures("seldom")
async def test_reports_of_idle_pods_wake_nobody_and_after_a_message_they_are_read(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with polled(server.port) as found:
        client.hset(REPORTS, POD, report(1))
        await found.until_at_rest()
        readings = len(found.seen)
        for number in range(2, 20):
            client.hset(REPORTS, POD, report(number))
        # An announcement that was to come has come before this one.
        client.lpush("app:mail", "x")
        client.rpop("app:mail")
        await found.until(lambda: len(found.seen) > readings)
        client.hset(REPORTS, POD, report(20).replace('"active":0', '"active":1'))
        await found.until(lambda: found.active)
        assert not found.poller._at_rest


@pytest.mark.usefixtures("seldom")
async def test_a_broker_at_rest_is_read_when_that_is_wanted_and_then_rests_again(
    server: RedisServer, client: redis_py.Redis
) -> None:
    client.hset(REPORTS, POD, report(1))
    async with polled(server.port) as found:
        await found.until_at_rest()
        readings = len(found.seen)
        found.poller.read_by(wanted_at := time.monotonic() + 0.5)
        await found.until(lambda: len(found.seen) > readings)
        assert time.monotonic() >= wanted_at
        found.poller.read_by(NEVER)
        await found.until_at_rest()
        readings = len(found.seen)
        found.poller.read_by(time.monotonic())
        await found.until(lambda: len(found.seen) > readings)


@pytest.mark.parametrize("cause", ["waiting", "working", "wanted"])
async def test_a_broker_with_something_to_do_is_polled_as_ever(
    server: RedisServer, client: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    monkeypatch.setattr(reading_schedule, "_AT_REST_SECONDS", 600.0)
    if cause == "waiting":
        client.lpush("app:mail", "x")
    client.hset(REPORTS, POD, report(1).replace('"active":0', f'"active":{int(cause == "working")}'))
    async with polled(server.port) as found:
        found.poller.read_by(time.monotonic() if cause == "wanted" else NEVER)
        await found.until(lambda: found.poller._wake_ups.trusted)
        readings = len(found.seen)
        await found.until(lambda: len(found.seen) > readings + 20)


@pytest.mark.parametrize(
    ("denied", "because"),
    [
        ("-client|tracking", "its user is not allowed to run CLIENT TRACKING (+client|tracking)"),
        ("-client", "its user is not allowed to run CLIENT ID (+client|id)"),
    ],
)
async def test_a_user_without_the_right_to_be_woken_is_polled_for(
    server: RedisServer, client: redis_py.Redis, denied: str, because: str
) -> None:
    client.acl_setuser(
        "some",
        reset=True,
        enabled=True,
        passwords=["+some"],
        keys=["*"],
        categories=["+@all"],
        commands=[denied],
    )
    async with polled(server.port, "some") as found:
        await found.until(lambda: found.poller.polls_because == because)
        client.lpush("app:mail", "x")
        await found.until(lambda: found.waiting == 1)
        client.acl_setuser("some", enabled=True, categories=["+@all"])
        await found.until(lambda: found.poller._wake_ups.trusted and found.poller.polls_because is None)


async def test_a_server_without_the_command_is_polled(tmp_path_factory: pytest.TempPathFactory) -> None:
    with RedisServer(tmp_path_factory.mktemp("old"), "--rename-command", "CLIENT", "") as old:
        async with polled(old.port) as found:
            await found.until(lambda: found.poller.polls_because == "it does not support CLIENT ID")
            old.client.lpush("app:mail", "x")
            await found.until(lambda: found.waiting == 1)


async def test_announcements_that_do_not_arrive_are_not_relied_on(
    server: RedisServer, client: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake_ups, "_PROOF_SECONDS", 0.2)
    async with Between(server.port) as proxy, polled(proxy.port) as found:
        proxy.altered = without_announcements
        await found.until(lambda: "no announcement of a test key" in (found.poller.polls_because or ""))
        client.lpush("app:mail", "x")
        await found.until(lambda: found.waiting == 1)
        assert None not in found.seen


async def test_a_missed_wake_up_costs_a_second_and_is_counted(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with Between(server.port) as proxy, polled(proxy.port) as found:
        await found.until_at_rest()
        proxy.altered = without_announcements
        client.lpush("app:mail", "x")
        await found.until(lambda: found.waiting == 1, 5.0)
        await found.until(lambda: found.missed == 1)
        proxy.altered = lambda data: data
        await found.until(lambda: found.poller._wake_ups.trusted)


async def test_a_flood_of_announcements_leads_to_no_more_readings_than_a_busy_broker(
    server: RedisServer, client: redis_py.Redis
) -> None:
    client.flushall()
    async with Between(server.port) as proxy, polled(proxy.port) as found:
        await found.until_at_rest()

        async def flood() -> None:
            while True:
                proxy.writers[-1].write(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nx\r\n" * 100)
                await asyncio.sleep(0.001)

        flooding = asyncio.create_task(flood())
        began, readings = time.monotonic(), len(found.seen)
        await found.until(lambda: len(found.seen) >= readings + 15)
        assert time.monotonic() - began > 13 * 0.1
        flooding.cancel()


@pytest.mark.usefixtures("seldom")
async def test_after_a_reconnection_everything_is_read_and_wakes_again(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with polled(server.port) as found:
        await found.until_at_rest()
        client.client_kill_filter(_type="normal", skipme=True)
        client.lpush("app:mail", "x")
        await found.until(lambda: found.waiting == 1)
        client.delete("app:mail")
        await found.until_at_rest()
        client.lpush("app:mail", "x", "y")
        await found.until(lambda: found.waiting == 2)


@pytest.mark.usefixtures("seldom")
async def test_a_lost_second_connection_is_replaced_while_the_broker_stays_in_view(
    server: RedisServer, client: redis_py.Redis
) -> None:
    async with polled(server.port) as found:
        await found.until_at_rest()
        ours = [each for each in client.client_list() if each["name"] == "taskfleet-operator"]
        second = max(ours, key=lambda each: int(each["id"]))
        client.client_kill_filter(_id=second["id"])
        client.lpush("app:mail", "x")
        await found.until(lambda: found.waiting == 1)
        client.delete("app:mail")
        await found.until_at_rest()
        client.lpush("app:mail", "x", "y")
        await found.until(lambda: found.waiting == 2)
        assert None not in found.seen
