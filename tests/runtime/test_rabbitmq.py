"""Workers on RabbitMQ: every pool finishes what it began, drains when asked, and tells of itself."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.runtime.proxy import Proxy
from tests.runtime.rabbitmq_server import RabbitMQServer
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")
SLOTS = 2


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    with RabbitMQServer(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


class Fleet:
    """Workers of one pool and one queue. `notes` is a Redis in which tasks tell that they start and end."""

    def __init__(
        self, make: Callable[..., Worker], rabbitmq: RabbitMQServer, notes: RedisServer, queue: str
    ) -> None:
        self.worker = make
        self.rabbitmq = rabbitmq
        self.notes = notes
        self.queue = queue
        self.sent: list[str] = []

    def send(self, number: int, task: str, *args: object, eta: str | None = None) -> None:
        self.sent += self.rabbitmq.send(number, task, *args, queue=self.queue, eta=eta)

    def started(self, number: int) -> None:
        wait_for(lambda: len(self.notes.started()) >= number, 60, what=f"{number} tasks to start")

    def finished(self) -> None:
        wait_for(lambda: self.is_done, 90, what="all tasks to end")

    @property
    def is_done(self) -> bool:
        return set(self.notes.finished()) >= set(self.sent)

    @property
    def twice(self) -> int:
        return sum(count > 1 for count in Counter(self.notes.started()).values())

    def waiting(self) -> int:
        return self.rabbitmq.waiting(self.queue)


@pytest.fixture(params=POOLS)
def fleet(
    request: pytest.FixtureRequest,
    rabbitmq: RabbitMQServer,
    server: RedisServer,
    python: Path,
    tmp_path: Path,
) -> Iterator[Fleet]:
    workers: list[Worker] = []
    queue = f"q-{uuid.uuid4().hex[:8]}"

    def make(url: str = rabbitmq.url) -> Worker:
        environment = {"TEST_NOTES_URL": server.url}
        workers.append(
            Worker(python, url, tmp_path, pool=request.param, queues=[queue], environment=environment)
        )
        return workers[-1].start()

    yield Fleet(make, rabbitmq, server, queue)
    for worker in workers:
        worker.kill()
        print(f"--- {worker.name} ---\n{worker.log[-9000:]}")  # pytest shows it where the test failed


@pytest.fixture
def proxy(rabbitmq: RabbitMQServer) -> Iterator[Proxy]:
    one = Proxy(rabbitmq.port)
    yield one
    one.close()


def test_term_finishes_what_runs_and_gives_back_the_rest(fleet: Fleet) -> None:
    first = fleet.worker().ready()
    later = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    fleet.send(1, "proj.nap", 0.2, eta=later)
    fleet.send(9, "proj.nap", 1.0)
    fleet.started(1)
    assert first.terminate().ended() == 0
    fleet.worker().ready()
    fleet.finished()
    assert fleet.twice == 0


def test_a_message_that_cannot_be_taken_in_is_rejected_and_stops_no_worker(fleet: Fleet) -> None:
    worker = fleet.worker().ready()
    for headers in ({"task": "proj.nap"}, {"task": "proj.nap", "id": "a"}, {"task": "proj.nap", "id": [1]}):
        fleet.rabbitmq.send_raw(b"[]", headers, queue=fleet.queue)
    fleet.send(3, "proj.nap", 0.1)
    fleet.finished()
    assert worker.running
    report = fleet.rabbitmq.report_when(worker, lambda report: bool(report.get("notes")))
    assert any("3 messages could not be processed and were rejected." in note for note in report["notes"])
    assert worker.terminate().ended() == 0
    assert fleet.waiting() == 0


def test_a_pod_drains_when_asked_and_goes_on_when_the_lease_is_lifted(fleet: Fleet) -> None:
    worker = fleet.worker().ready()
    fleet.send(8, "proj.nap", 1.0)
    fleet.started(1)
    fleet.rabbitmq.order(worker, "7")
    report = fleet.rabbitmq.report_when(worker, lambda report: report.get("state") == "drained")
    assert report["drain"] == 7
    assert worker.get("/readyz")[0] == 503
    begun = len(fleet.notes.started())
    assert fleet.waiting() == 8 - begun == 8 - len(fleet.notes.finished())
    fleet.rabbitmq.order(worker, "")
    fleet.finished()
    assert fleet.twice == 0


def test_a_lease_is_acknowledged_while_a_task_keeps_the_cpu(fleet: Fleet) -> None:
    worker = fleet.worker().ready()
    fleet.send(SLOTS, "proj.burn", 3.0)
    fleet.started(1)
    fleet.rabbitmq.order(worker, "7")
    report = fleet.rabbitmq.report_when(worker, lambda report: report.get("drain") == 7)
    assert (report["state"], report["active"] > 0) == ("draining", True)
    assert len(fleet.notes.finished()) < SLOTS
    fleet.rabbitmq.order(worker, "stop")
    assert worker.ended(timeout=60) == 0


def test_lost_connections_lose_nothing(fleet: Fleet, proxy: Proxy) -> None:
    """The kubelet's part is played here: up to Celery 5.7 eventlet may wait for ever after a cut."""
    worker = fleet.worker(_through(proxy, fleet)).ready()
    fleet.send(8, "proj.nap", 1.0)
    fleet.started(1)
    proxy.cut()
    hangs = wait_for(
        lambda: _found_out(worker) or (fleet.is_done and "no"), 150, what="the end, or a restart"
    )
    if hangs == "yes":
        worker.terminate().ended(timeout=60)
        fleet.worker().ready()
    fleet.finished()
    assert fleet.twice <= 2 * SLOTS  # gevent and eventlet hold two for each


def test_a_connection_that_is_made_while_the_pod_drains_fetches_nothing(fleet: Fleet, proxy: Proxy) -> None:
    worker = fleet.worker(_through(proxy, fleet)).ready()
    fleet.rabbitmq.report_when(worker, lambda report: report.get("state") == "ready")  # so it listens
    fleet.rabbitmq.order(worker, "7")
    fleet.rabbitmq.report_when(worker, lambda report: report.get("state") == "drained")
    proxy.cut()
    fleet.send(1, "proj.nap", 0.1)
    fleet.rabbitmq.report_when(worker, lambda report: report.get("state") == "drained")
    assert fleet.waiting() == 1
    fleet.rabbitmq.report_when(worker, lambda report: report.get("state") == "ready", timeout=60)
    fleet.finished()


def _through(proxy: Proxy, fleet: Fleet) -> str:
    return fleet.rabbitmq.url.replace(f":{fleet.rabbitmq.port}/", f":{proxy.port}/")


def _found_out(worker: Worker) -> str:
    return "yes" if worker.get("/livez")[0] == 503 else ""


def test_a_killed_container_loses_nothing(fleet: Fleet) -> None:
    first = fleet.worker().ready()
    fleet.send(8, "proj.nap", 1.0)
    fleet.started(1)
    first.kill()
    fleet.worker().ready()
    fleet.finished()
    assert fleet.twice <= SLOTS
