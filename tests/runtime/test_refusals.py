"""Redis answers "not now": the worker waits, says so, and makes up for what it could not say."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taskfleet_worker.shutdown.deadlines import PATIENCE
from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.refusing import REFUSALS
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[RedisServer]:
    """Where tasks note what they do while the broker refuses."""
    folder = tmp_path / "notes"
    folder.mkdir()
    with RedisServer(folder) as running:
        yield running


def outlast(
    make_worker: MakeWorker, server: RedisServer, notes: RedisServer, *, pool: str, reply: str
) -> None:
    """Two tasks end while Redis refuses, two wait behind them."""
    worker = make_worker(pool, environment={"TEST_NOTES_URL": notes.url}).start().ready()
    slots = 1 if pool == "solo" else 2
    tasks = [send(server.client, "proj.nap", 3) for _ in range(2 * slots)]
    wait_for(lambda: len(notes.started()) >= slots, 30, what="the first tasks to start")
    with REFUSALS[reply](server):
        wait_for(lambda: len(notes.finished()) >= slots, 30, what="the first tasks to end")
        wait_for(lambda: logged(worker, reply), 30, what="the refusal to be logged")
        assert worker.get("/livez")[0] == 200
        assert worker.running
    wait_for(lambda: set(notes.finished()) == set(tasks), 30, what="all tasks to end")
    assert Counter(notes.started()) == Counter(tasks), "what had ended was acknowledged"
    wait_for(lambda: not server.client.hlen("unacked"), 30, what="their acknowledgement")
    wait_for(lambda: refused(server, worker, reply), 30, what="the report of it")
    assert worker.running


def said(reply: str) -> tuple[str, ...]:
    """A replica without its master refuses reads so, and writes because it is a replica."""
    return (reply, "READONLY") if reply == "MASTERDOWN" else (reply,)


def logged(worker: Worker, reply: str) -> bool:
    return any(f"Redis rejects commands: {one}" in worker.log for one in said(reply))


def refused(server: RedisServer, worker: Worker, reply: str) -> bool:
    starts = tuple(f"Redis rejected commands: {one}" for one in said(reply))
    return any(note.startswith(starts) for note in server.report(worker)["notes"])


@pytest.mark.parametrize("reply", sorted(REFUSALS))
def test_a_worker_waits_for_a_redis_that_refuses(
    make_worker: MakeWorker, server: RedisServer, notes: RedisServer, reply: str
) -> None:
    outlast(make_worker, server, notes, pool="prefork", reply=reply)


@pytest.mark.parametrize("reply", ["NOREPLICAS", "READONLY"])
@pytest.mark.parametrize("pool", ["threads", "gevent", "eventlet", "solo"])
def test_workers_of_every_pool_wait(
    make_worker: MakeWorker, server: RedisServer, notes: RedisServer, pool: str, reply: str
) -> None:
    outlast(make_worker, server, notes, pool=pool, reply=reply)


@every_pool
def test_a_worker_that_stops_meanwhile_acknowledges_what_has_ended(
    make_worker: MakeWorker, server: RedisServer, notes: RedisServer, pool: str
) -> None:
    """Longer than a worker with nothing left to do takes to end."""
    worker = make_worker(pool, capacity=1, environment={"TEST_NOTES_URL": notes.url}).start().ready()
    task = send(server.client, "proj.nap", 3)
    wait_for(lambda: notes.started() == [task], 30, what="the task to start")
    with REFUSALS["NOREPLICAS"](server):
        worker.terminate()
        wait_for(lambda: notes.finished() == [task], 30, what="the task to end")
        ended = time.monotonic()
        wait_for(
            lambda: time.monotonic() - ended > PATIENCE + 3 or not worker.running, 30, what="the usual end"
        )
        assert worker.running
    assert worker.ended() == 0
    assert (server.client.hlen("unacked"), server.client.llen("celery")) == (0, 0)
    assert not server.client.keys("*:held:*")


def test_a_worker_that_stops_meanwhile_ends_within_its_grace_period(
    make_worker: MakeWorker, server: RedisServer, notes: RedisServer
) -> None:
    worker = make_worker(capacity=1, gracePeriod=22, environment={"TEST_NOTES_URL": notes.url})
    worker.start().ready()
    task = send(server.client, "proj.nap", 1)
    wait_for(lambda: notes.started() == [task], 30, what="the task to start")
    with REFUSALS["NOREPLICAS"](server):
        worker.terminate()
        worker.ended(timeout=22)


@pytest.mark.parametrize("reply", ["BUSY", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY"])
def test_a_worker_that_starts_meanwhile_waits_too(
    make_worker: MakeWorker, server: RedisServer, reply: str
) -> None:
    task = send(server.client, "proj.nap", 0)
    worker = make_worker(environment={})
    with REFUSALS[reply](server):
        worker.start()
        # It may be refused before it has set up its own log: Celery logs that.
        wait_for(lambda: any(one in worker.log for one in said(reply)), 30, what="the refusal to be logged")
        # Celery's own pauses between two attempts, 2 s and more.
        wait_for(lambda: worker.log.count("Trying again in") >= 2, 30, what="two more attempts")
        assert worker.running
        assert worker.log.count("Trying again in") <= 5
    worker.ready()
    wait_for(lambda: server.finished() == [task], 60, what="the task to run")


@every_pool
def test_a_worker_that_is_unblocked_by_force_fetches_on(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    # Only BRPOP blocks: where Redis may not wake the worker.
    server.client.acl_setuser("default", enabled=True, commands=["-client|tracking"])
    worker = make_worker(pool).start().ready()

    def unblocked() -> bool:
        blocked = [client["id"] for client in server.client.client_list() if client["cmd"] == "brpop"]
        for client in blocked:
            server.client.client_unblock(int(client), error=True)
        return "Redis rejects commands: UNBLOCKED" in worker.log

    wait_for(unblocked, 30, what="the reply to arrive")
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: server.finished() == [task], 30, what="the task to run")
    assert worker.running


@every_pool
def test_a_redis_that_loads_its_data_is_waited_for(
    make_worker: MakeWorker, server: RedisServer, notes: RedisServer, pool: str
) -> None:
    """For seconds, as one of some gigabytes does after each start."""
    with server.client.pipeline(transaction=False) as pipe:
        for number in range(4_000):
            pipe.set(f"ballast:{number}", number)
        pipe.execute()
    worker = make_worker(pool, capacity=1, environment={"TEST_NOTES_URL": notes.url}).start().ready()
    tasks = [send(server.client, "proj.nap", 3) for _ in range(2)]
    wait_for(lambda: notes.started() == tasks[:1], 30, what="the first task to start")
    wait_for(lambda: server.report(worker).get("active"), 30, what="the report of it")
    server.kill()
    server.start("--key-load-delay", "1500")
    wait_for(lambda: set(notes.finished()) == set(tasks), 60, what="both tasks to end")
    assert Counter(notes.started()) == Counter(tasks)
    assert worker.running
