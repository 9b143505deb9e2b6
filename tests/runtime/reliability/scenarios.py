"""What may happen to a worker while tasks run, and how to bring it about. One function a row of the table."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis.asyncio

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from tests.runtime.giving_back import give_back_dead
from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

SLOTS = 2
TASKS = 10
SECONDS = 2.0
# What a worker has fetched when it is full and so no fetch is under way; prefork with the given multiplier.
FULL = {"prefork": 2, "threads": 2, "gevent": 3, "eventlet": 3, "solo": 1}
AWAY = 60.0


class Scene:
    """One cell of the table: a pool, a Redis of its own, workers, and the tasks that were sent.

    `notes` is another Redis, in which tasks note that they run.
    """

    def __init__(
        self, pool: str, server: RedisServer, notes: RedisServer, python: Path, folder: Path
    ) -> None:
        self.pool = pool
        self.server = server
        self.notes = notes
        self.workers: list[Worker] = []
        self.sent: list[str] = []
        self._python = python
        self._folder = folder

    def worker(
        self, url: str | None = None, environment: dict[str, str] | None = None, **changes: Any
    ) -> Worker:
        capacity = 1 if self.pool == "solo" else SLOTS
        worker = Worker(
            self._python,
            url or self.server.url,
            self._folder,
            pool=self.pool,
            environment={"TEST_NOTES_URL": self.notes.url, **(environment or {})},
            **{"capacity": capacity, **changes},
        )
        self.workers.append(worker)
        return worker.start()

    def ready_worker(self, **options: Any) -> Worker:
        return self.worker(**options).ready()

    def send(self, number: int = TASKS, **options: Any) -> None:
        self.sent += [send(self.server.client, "proj.nap", SECONDS, **options) for _ in range(number)]

    def busy_worker(self, **changes: Any) -> Worker:
        """A worker that is full, so that nothing is between a fetch and its record."""
        worker = self.ready_worker(**changes)
        self.send()
        wait_for(lambda: self.server.held(worker) >= FULL[self.pool], 30, what=f"{worker.name} to be full")
        wait_for(self.notes.started, 30, what="a task to start")
        return worker

    def executed(self) -> int:
        return len({*self.notes.finished()} & {*self.sent})

    def finish(self, lost: int = 0, timeout: float = 120) -> None:
        """Wait until every task but the lost ones has run, and nothing waits or is held."""
        wait_for(lambda: self.executed() >= len(self.sent) - lost, timeout, what="all tasks to run")
        wait_for(lambda: not self.server.client.exists("celery", "unacked"), 60, what="the end")

    def give_back(self, worker: Worker) -> None:
        """What the operator does when a container has ended."""
        layout = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")
        start = Incarnation(*self.server.start_of(worker).split("/"))

        async def run() -> None:
            async with redis.asyncio.Redis(port=self.server.port) as client:
                await give_back_dead(client, layout, start)

        asyncio.run(run())


def term_idle(scene: Scene) -> None:
    assert scene.ready_worker().terminate().ended(timeout=15) == 0
    scene.send()
    scene.ready_worker()


def term_busy(scene: Scene) -> None:
    worker = scene.busy_worker()
    # Green pools may finish one more task, which they were about to hand to the pool.
    assert worker.terminate().ended(timeout=2 * SECONDS + 10) == 0
    scene.ready_worker()


def term_prefetched(scene: Scene) -> None:
    worker = scene.ready_worker(prefetchMultiplier=4)
    scene.send(3, eta="2100-01-01T00:00:00+00:00")
    wait_for(lambda: scene.server.held(worker) >= 3, 30, what="the tasks that wait for their time")
    postponed, scene.sent = scene.sent, []
    scene.send()
    wait_for(scene.notes.started, 30, what="a task to start")
    fetched = 4 * (1 if scene.pool == "solo" else SLOTS) if scene.pool == "threads" else 0
    assert worker.terminate().ended(timeout=(2 + fetched) * SECONDS + 10) == 0
    assert {*scene.server.waiting("celery")} >= {*postponed}
    for task in postponed:
        scene.server.remove("celery", task)
    scene.ready_worker()


def killed(scene: Scene) -> None:
    worker = scene.busy_worker()
    worker.kill()
    scene.give_back(worker)
    scene.ready_worker()


@contextlib.contextmanager
def _unanswered_fetch(scene: Scene) -> Iterator[tuple[Proxy, Worker]]:
    """Redis carries the fetch out, and its reply never arrives."""
    with contextlib.closing(Proxy(scene.server.port)) as proxy:
        worker = scene.ready_worker(url=proxy.url)
        wait_for(lambda: scene.server.report(worker), 30, what="its report")
        proxy.swallow_replies_from(b'"task": ')
        scene.send()
        wait_for(lambda: scene.server.held(worker), 30, what="a fetch")
        yield proxy, worker


def killed_at_a_fetch(scene: Scene) -> None:
    """The worker ends before the reply arrives."""
    with _unanswered_fetch(scene) as (_, worker):
        worker.kill()
    scene.give_back(worker)
    scene.ready_worker()


def reply_lost(scene: Scene) -> None:
    """The same, and the connection ends instead of the worker."""
    with _unanswered_fetch(scene) as (proxy, worker):
        proxy.cut()
        scene.finish()
        worker.kill()


def child_killed(scene: Scene) -> None:
    scene.busy_worker().kill_children()


def redis_restarts(scene: Scene) -> None:
    scene.busy_worker()
    scene.server.kill()
    scene.server.start()


def redis_forgets(scene: Scene) -> None:
    """As a replica that lags behind the Redis whose place it takes, or a file that is synced once a second."""
    scene.send()
    earlier = scene.server.copy_of_data()
    scene.ready_worker()
    wait_for(lambda: scene.executed() >= 3, 30, what="some tasks to end")
    scene.server.kill()
    scene.server.put_back(earlier)
    scene.server.start()


def redis_is_away(scene: Scene) -> None:
    worker = scene.busy_worker()
    scene.server.kill()
    back = time.monotonic() + AWAY
    wait_for(
        lambda: worker.get("/livez")[0] != 200 or time.monotonic() > back, AWAY + 5, what="its time", poll=1
    )
    assert worker.get("/livez")[0] == 200
    scene.server.start()


def half_open(scene: Scene) -> None:
    proxy = Proxy(scene.server.port)
    try:
        scene.busy_worker(url=proxy.url)
        proxy.freeze()
        scene.finish()
    finally:
        for worker in scene.workers:
            worker.kill()
        proxy.close()


def drained(scene: Scene) -> None:
    worker = scene.busy_worker()
    scene.server.drain(worker, lease=1)
    wait_for(lambda: scene.server.report_in_state(worker, "drained"), 4 * SECONDS + 10, what="the drain")
    scene.ready_worker()


def drained_then_resumed(scene: Scene) -> None:
    worker = scene.busy_worker()
    scene.server.drain(worker, lease=1)
    wait_for(lambda: scene.server.report_in_state(worker, "drained"), 4 * SECONDS + 10, what="the drain")
    scene.server.lift(worker)


@dataclass(frozen=True)
class Row:
    """`twice`: how many tasks may run again; `lost`: how many are."""

    name: str
    play: Callable[[Scene], None]
    twice: int = 0
    lost: int = 0
    pools: tuple[str, ...] = ("prefork", "threads", "gevent", "eventlet", "solo")


ROWS = (
    Row("TERM, idle", term_idle),
    Row("TERM, busy", term_busy),
    Row("TERM, with prefetched and postponed tasks", term_prefetched),
    Row("SIGKILL of the container", killed, twice=SLOTS),
    Row("SIGKILL between a fetch and its record", killed_at_a_fetch),
    Row("connection cut between a fetch and its reply", reply_lost),
    Row("SIGKILL of a child", child_killed, twice=SLOTS, pools=("prefork",)),
    Row("Redis killed and started again", redis_restarts),
    Row("Redis back without its last writes", redis_forgets, twice=TASKS),
    Row("Redis away for 60 s", redis_is_away),
    Row("half-open connection", half_open),
    Row("drain", drained),
    Row("drain, then resume", drained_then_resumed),
)
