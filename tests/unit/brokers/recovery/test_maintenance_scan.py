"""The slow look at a broker, on a real Redis: queues that nobody reads, workers that are not ours, what has expired."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from taskfleet.api import Key
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, QueueWork, Report
from taskfleet.brokers.queues.consumers import Consumers, PoolConsumer, QueueObserver
from taskfleet.brokers.recovery.findings import Findings, UnconsumedQueue
from taskfleet.brokers.recovery.maintenance_scan import MaintenanceScan
from tests.runtime.redis_server import RedisServer

LAYOUT = Layout(prefix="app:", reports="taskfleet:c:ns:reports", visibility_timeout=60.0)


@dataclass
class Looker:
    """Looks every ten seconds; pool `mail` reads the queue `mails` with one pod."""

    server: RedisServer
    survey: MaintenanceScan = field(default_factory=lambda: MaintenanceScan(LAYOUT, "one"))
    readers: Consumers = field(default_factory=Consumers)
    now: float = 1000.0
    held: int = 0
    requeued: int = 0

    def __post_init__(self) -> None:
        self.server.client.flushall()
        self.readers.add_pool(Key("WorkerPool", "ns", "mail"), PoolConsumer("uid", ("mails",)))
        self.declare("mails")
        self.worker("mail@mail-worker-1")

    def declare(self, queue: str) -> None:
        """As kombu does for whoever sends to a queue or consumes it."""
        self.server.client.sadd(f"app:_kombu.binding.{queue}", f"{queue}\x06\x16\x06\x16{queue}")

    def worker(self, name: str) -> None:
        """As a Celery worker does at its start."""
        member = f"\x06\x16\x06\x16{name}.celery.pidbox"
        self.server.client.sadd("app:_kombu.binding.celery.pidbox", member)

    def send(self, queue: str, *messages: str) -> None:
        self.declare(queue)
        self.server.client.lpush(f"app:{queue}", *messages)

    def look(self, *, times: int = 1) -> Findings:
        report = Report("ready", queues={"mails": QueueWork(held=self.held)})
        for _ in range(times):
            self.now += 10
            seen = BrokerSnapshot(
                self.now, {}, {Incarnation("uid", "mail-worker-1", "s"): LastReport(report, self.now)}
            )
            found, self.requeued = asyncio.run(self._look(seen))
        return found

    async def _look(self, seen: BrokerSnapshot) -> tuple[Findings, int]:
        async with Redis.from_url(self.server.url) as client:
            return await self.survey.run(client, seen, self.readers)


@pytest.fixture
def looker(server: RedisServer) -> Looker:
    return Looker(server)


def names(found: Findings) -> list[str]:
    return [one.name for one in found.unread]


def test_a_queue_that_nobody_reads_is_found_by_its_binding(looker: Looker) -> None:
    looker.send("lost", "a", "b")
    looker.send("mails", "c")
    found = looker.look(times=2)
    assert found.unread == (UnconsumedQueue("lost", 2),)
    assert (found.unconsumed_queues, found.unconsumed_messages) == (1, 2)


def test_all_priorities_of_a_queue_count(looker: Looker) -> None:
    looker.send("lost", "a")
    looker.server.client.lpush("app:lost\x06\x169", "b", "c")
    assert looker.look(times=2).unread == (UnconsumedQueue("lost", 3),)


def test_a_queue_whose_head_moves_has_a_reader(looker: Looker) -> None:
    looker.send("theirs", "c", "b", "a")
    looker.look()
    looker.server.client.rpop("app:theirs")
    assert names(looker.look()) == []


def test_while_others_work_here_a_queue_has_to_stand_still_for_a_minute(looker: Looker) -> None:
    looker.worker("celery@web-1")
    looker.send("lost", "a")
    assert names(looker.look(times=6)) == []
    assert names(looker.look(times=2)) == ["lost"]


def test_a_worker_of_ours_that_was_killed_is_nobody_else(looker: Looker) -> None:
    looker.worker("mail@mail-worker-gone")
    looker.send("lost", "a")
    assert names(looker.look(times=2)) == ["lost"]


def test_a_task_queue_alone_reads_nothing(looker: Looker) -> None:
    looker.readers.add_onlooker(Key("TaskQueue", "ns", "seen"), QueueObserver("seen"))
    looker.server.client.lpush("app:seen", "a")
    assert names(looker.look(times=2)) == ["seen"]


@pytest.mark.parametrize(
    "queue",
    [
        pytest.param("x" * 201, id="too-long"),
        pytest.param("evil\x1b[2J", id="what-a-terminal-obeys"),
        pytest.param("uuid.reply.celery.pidbox", id="mailbox"),
    ],
)
def test_odd_names_from_somebodys_redis_reach_no_status(looker: Looker, queue: str) -> None:
    looker.send(queue, "a")
    assert names(looker.look(times=2)) == []


def test_twenty_queues_are_named_and_all_are_counted(looker: Looker) -> None:
    for number in range(30):
        looker.send(f"lost-{number:02}", *(["a"] * (1 + number)))
    found = looker.look(times=2)
    assert (len(found.unread), found.unread[0], found.unconsumed_queues) == (
        20,
        UnconsumedQueue("lost-29", 30),
        30,
    )


def test_bindings_are_found_among_many_other_keys_and_forgotten_when_they_go(looker: Looker) -> None:
    results = {f"celery-task-meta-{number}": "{}" for number in range(25_000)}
    looker.server.client.mset(results)
    looker.send("lost", "a")
    assert names(looker.look(times=5)) == ["lost"]
    looker.server.client.delete("app:_kombu.binding.lost")
    assert names(looker.look(times=8)) == []


def test_messages_that_others_hold_are_what_our_pods_do_not(looker: Looker) -> None:
    for tag in "abc":
        looker.server.client.hset("app:unacked", tag, "message")
    looker.held = 1
    assert looker.look().foreign_unacked == 2
    looker.held = 3
    assert looker.look().foreign_unacked == 0


def test_what_has_expired_goes_back(looker: Looker) -> None:
    for tag, exchange in {"a": "", "b": "nobody-knows"}.items():
        message = {"headers": {"id": tag}, "properties": {"delivery_info": {}}}
        looker.server.client.hset("app:unacked", tag, json.dumps([message, exchange, "mails"]))
        looker.server.client.zadd("app:unacked_index", {tag: time.time() - 61})
    found = looker.look()
    assert (looker.requeued, found.kept) == (1, 1)
    assert looker.server.waiting("app:mails") == ["a"]


@pytest.mark.parametrize(
    ("lacks", "still"),
    [
        pytest.param("-scan", lambda found: found.foreign_unacked == 1, id="no-scan"),
        pytest.param("-hlen", lambda found: names(found) == ["lost"], id="no-hlen"),
    ],
)
def test_what_a_user_may_not_do_is_left_out_and_the_rest_goes_on(
    looker: Looker, lacks: str, still: Callable[[Findings], bool]
) -> None:
    looker.send("lost", "a")
    looker.server.client.hset("app:unacked", "tag", "message")
    looker.server.client.acl_setuser(
        "default",
        enabled=True,
        nopass=True,
        keys=["*"],
        commands=[lacks],
        categories=["+@all"],
        channels=["*"],
    )
    try:
        assert still(looker.look(times=2))
    finally:
        looker.server.client.acl_setuser(
            "default", enabled=True, nopass=True, keys=["*"], categories=["+@all"], channels=["*"]
        )


def test_short_timeouts_are_looked_at_more_often() -> None:
    every = [
        MaintenanceScan(Layout("", "r", visibility_timeout=seconds), "one").every
        for seconds in (3600.0, 20.0, 1.0)
    ]
    assert every == [10.0, 5.0, 1.0]
