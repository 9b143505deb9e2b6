"""What a thousand TaskQueues ask of a broker, and when they are told, on a real Redis."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from taskfleet.api import Key
from taskfleet.brokers.connection.target import target_of
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.monitor import BrokerMonitor
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, Report
from taskfleet.brokers.queues.consumers import PoolConsumer, QueueObserver
from taskfleet.brokers.queues.queue_stats_tracker import QueueStatsTracker
from taskfleet.brokers.queues.subscriptions import Subscriptions
from tests.runtime.redis_server import RedisServer
from tests.tools.waiting import until

BROKER = Key("Broker", "ns", "default")
MAIL = Key("WorkerPool", "ns", "mail")
LAYOUT = Layout(prefix="", reports="taskfleet:c:ns:reports")


def task_queue(number: int = 0) -> Key:
    return Key("TaskQueue", "ns", f"queue-{number}")


class Board:
    """A board with one TaskQueue on the queue `emails`, and readings a second apart."""

    def __init__(self, **limits: Any) -> None:
        self.told: list[Key] = []
        self.audience = Subscriptions(lambda _: None)
        self.board = QueueStatsTracker(self.audience, self.told.append)
        self.audience.look_for(task_queue(), BROKER, QueueObserver("emails", **limits))
        self.now = 100.0

    def read(self, waiting: int = 0, *, times: int = 1, **more: Any) -> int:
        """How often the TaskQueue was told of something."""
        before = len(self.told)
        busy = frozenset({"emails"} if waiting else ())
        for _ in range(times):
            self.now += 1
            given = {"reports": {}, "busy": busy, **more}
            self.board.take(BROKER, BrokerSnapshot(self.now, {"emails": (waiting, 0)}, **given))
        return len(self.told) - before


def test_the_first_reading_is_told() -> None:
    board = Board()
    assert board.read() == 1
    figures = board.board.figures(BROKER, task_queue())
    assert figures is not None
    assert figures.total == 0


def test_consumers_that_come_and_go_are_told_of_where_the_broker_counts_them() -> None:
    board = Board()
    board.read()
    assert board.read(consumers={"emails": 2}) == 1
    figures = board.board.figures(BROKER, task_queue())
    assert figures is not None
    assert figures.others == 2
    assert board.read(consumers={"emails": 2}, times=20) == 0
    assert board.read(consumers={}) == 1


def test_an_idle_queue_is_told_of_once() -> None:
    assert Board().read(times=100) == 1


@pytest.mark.parametrize(
    ("limits", "before", "after"),
    [
        pytest.param({}, 0, 1, id="something-waits"),
        pytest.param({}, 1, 0, id="nothing-waits-any-more"),
        pytest.param({"waiting": 10}, 10, 11, id="above-the-limit"),
        pytest.param({"waiting": 10}, 11, 10, id="below-it-again"),
    ],
)
def test_what_decides_a_verdict_is_told_at_the_next_look(limits: Any, before: int, after: int) -> None:
    board = Board(**limits)
    board.read(before)
    assert board.read(after) == 1


def test_numbers_are_told_every_ten_seconds() -> None:
    board = Board()
    board.read(5)
    told = sum(board.read(5 + number) for number in range(1, 31))
    assert told == 3


def test_an_age_above_the_limit_is_told_at_once() -> None:
    board = Board(age=30.0)
    board.read(1)
    told = [board.read(1, oldest_since={"emails": 100.0}) for _ in range(35)]
    assert told[28:31].count(1) == 1


def test_pods_that_come_and_go_are_told() -> None:
    board = Board()
    board.audience.subscribe(MAIL, BROKER, PoolConsumer("uid", ("emails",)))
    board.read()

    def read(state: str) -> tuple[int, dict[str, int]]:
        known = LastReport(Report(state), board.now)
        told = board.read(reports={Incarnation("uid", "pod", "s"): known}, changed=frozenset({"uid"}))
        figures = board.board.figures(BROKER, task_queue())
        assert figures is not None
        return told, dict(figures.consuming)

    assert [read("ready"), read("draining")] == [(1, {"mail": 1}), (1, {})]


def test_a_broker_that_is_away_leaves_no_old_figures() -> None:
    board = Board()
    board.read(5)
    board.board.take(BROKER, None)
    assert board.board.figures(BROKER, task_queue()) is None
    assert board.read(5) == 1


def test_a_task_queue_that_is_gone_is_forgotten() -> None:
    board = Board()
    board.read(5)
    board.audience.forget(task_queue())
    assert board.read(6, times=20) == 0
    assert board.board.figures(BROKER, task_queue()) is None


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


def _calls(server: RedisServer) -> dict[str, int]:
    stats: dict[str, Any] = server.client.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in stats.items()}


def _first_announced(readings: list[dict[str, int]]) -> int:
    """The number of the first reading after which the operator was told of all changes."""
    return sum("client|tracking" not in reading for reading in readings)


@pytest.mark.parametrize("queues", [1, 1000])
def test_a_reading_is_one_round_trip_whatever_the_number_of_task_queues(
    server: RedisServer, queues: int
) -> None:
    """Of two readings: four lists of each queue and its dead letters, and the ECHO that ends the round trip.

    Not of the first ones, beside which the connection that announces changes is set up.
    """

    async def run() -> dict[str, int]:
        readings: list[dict[str, int]] = []
        monitor = BrokerMonitor(lambda _: None, lambda *_: readings.append(_calls(server)))
        for number in range(queues):
            monitor.audience.look_for(task_queue(number), BROKER, QueueObserver(f"queue-{number}"))
        monitor.watch(BROKER, target_of(server.url), LAYOUT)
        await until(lambda: len(readings) >= _first_announced(readings) + 3, 30)
        first = _first_announced(readings)
        await monitor.close()
        return {name: readings[first + 2][name] - readings[first][name] for name in ("llen", "echo")}

    assert asyncio.run(run()) == {"llen": 2 * 5 * queues, "echo": 2}
