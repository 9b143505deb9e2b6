"""Workers killed and connections cut at random moments under load, with a ledger of all tasks."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from tests.runtime.fetch.ledger import Ledger
from tests.runtime.giving_back import give_back_dead
from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")
# No more wait than this, so that workers sleep and wake as well.
AHEAD = 30


class Field:
    """One pool, the Redis it fetches from behind a proxy, and another one in which tasks note that they run."""

    def __init__(
        self, pool: str, python: Path, folder: Path, server: RedisServer, notes: RedisServer
    ) -> None:
        self.ledger = Ledger()
        self._pool, self._python, self._folder = pool, python, folder
        self.server, self.notes = server, notes
        self.proxy = Proxy(server.port)
        self.worker = self._start()
        self._stop = threading.Event()
        self._producer = threading.Thread(target=self._produce)
        self._producer.start()

    def _start(self) -> Worker:
        worker = Worker(
            self._python, self.proxy.url, self._folder, pool=self._pool, capacity=4,
            environment={"TEST_NOTES_URL": self.notes.url},
        )  # fmt: skip
        return worker.start().ready()

    def _produce(self) -> None:
        client = redis.Redis(port=self.server.port, decode_responses=True)
        while not self._stop.is_set():
            if int(client.llen("celery")) < AHEAD:
                self.ledger.sent += [send(client, "proj.nap", 0.001) for _ in range(random.randint(1, 10))]
            self._stop.wait(random.uniform(0, 0.05))
        client.close()

    def progress(self) -> None:
        """Wait until some more tasks have run: a random moment under load."""
        count = int(self.notes.client.llen("test:end"))
        more = random.randint(1, 60)
        wait_for(
            lambda: int(self.notes.client.llen("test:end")) >= count + more, 60, what="tasks", poll=0.001
        )

    def kill(self) -> None:
        dead, start = self.worker, self.server.start_of(self.worker)
        dead.kill()
        wait_for(lambda: not self.proxy.connected, 30, what="its connections to end", poll=0.01)
        self.ledger.killed(self.server, dead)
        self._give_back(Incarnation(*start.split("/")))
        self.worker = self._start()

    def cut(self) -> None:
        self.ledger.cuts += 1
        self.proxy.cut()

    def finish(self) -> None:
        """No more is sent, and what was sent has ended or is lost."""
        self.close()
        wait_for(lambda: not self.ledger.lost(self.notes.finished()), 60, what="the last tasks", poll=0.5)
        wait_for(lambda: not self.server.client.exists("celery", "unacked"), 30, what="acknowledgements")

    def close(self) -> None:
        self._stop.set()
        self._producer.join()

    def _give_back(self, start: Incarnation) -> None:
        async def run() -> None:
            async with redis.asyncio.Redis(port=self.server.port) as client:
                await give_back_dead(client, LAYOUT, start)

        asyncio.run(run())


@contextlib.contextmanager
def field(pool: str, python: Path, folder: Path) -> Iterator[Field]:
    (folder / "notes").mkdir()
    with RedisServer(folder) as server, RedisServer(folder / "notes") as notes:
        made = Field(pool, python, folder, server, notes)
        try:
            yield made
        finally:
            made.close()
            made.worker.kill()
            made.proxy.close()


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_kills_and_cuts_at_random_moments_lose_nothing(
    python: Path, tmp_path: Path, request: pytest.FixtureRequest, pool: str
) -> None:
    times = int(request.config.getoption("--kills"))
    with field(pool, python, tmp_path) as scene:
        for _ in range(times):
            scene.progress()
            scene.kill()
            scene.progress()
            scene.cut()
        scene.progress()
        scene.finish()
        ledger, started = scene.ledger, scene.notes.started()
        print(f"{pool}: {len(ledger.sent)} tasks, {ledger.kills} kills, {ledger.cuts} cuts")
        assert ledger.lost(scene.notes.finished()) == set()
        assert ledger.twice(started) == set()
