"""TERM at every moment: what runs is finished, the rest goes back, and the process is gone soon after."""

import time
from collections.abc import Callable, Iterator

import pytest

from taskfleet.brokers.recovery.requeue_unacked import Requeued
from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_give_back import give_back_of
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


@every_pool
def test_a_second_term_changes_nothing(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = send(server.client, "proj.nap", 3)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    worker.terminate().terminate()
    wait_for(lambda: "Warm shutdown" in worker.log, 30, what="the worker to take note")
    worker.terminate()
    assert worker.ended(timeout=13) == 0
    assert server.finished() == [task]


@every_pool
def test_a_worker_that_did_not_hear_its_term_stops_when_the_operator_says_so(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    tasks = [send(server.client, "proj.nap", 8) for _ in range(4)]
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    server.stop(worker)
    assert worker.ended(timeout=35) == 0
    ran = server.finished()
    assert (ran[0], server.started()) == (tasks[0], ran)
    assert server.waiting("celery") == tasks[len(ran) :]


@every_pool
def test_term_ends_a_drained_worker(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    worker = make_worker(pool).start().ready()
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), 30, what="the worker to be drained")
    task = send(server.client, "proj.nap", 0)
    assert worker.terminate().ended(timeout=10) == 0
    assert server.waiting("celery") == [task]


@every_pool
def test_term_ends_a_draining_worker_after_its_task(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    tasks = [send(server.client, "proj.nap", 8) for _ in range(3)]  # it looks for its lease every 4 s
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "draining"), 8, what="the worker to drain")
    assert worker.terminate().ended(timeout=30) == 0
    ran = server.finished()
    assert (ran[0], server.started()) == (tasks[0], ran)
    assert server.waiting("celery") == tasks[len(ran) :]


def test_term_gives_back_at_once_what_has_not_started(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(capacity=1, prefetchMultiplier=4).start().ready()
    tasks = [send(server.client, "proj.nap", 30) for _ in range(6)]
    wait_for(lambda: server.report(worker).get("prefetched") == 3, 30, what="the worker to prefetch")
    worker.terminate()
    wait_for(lambda: server.waiting("celery") == tasks[1:], 10, what="the rest to be back in line")
    assert worker.running
    assert server.started() == tasks[:1]


@every_pool
def test_a_task_that_outlives_the_grace_period_is_given_back(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    task = send(server.client, "proj.nap", 60)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    worker.terminate()
    wait_for(lambda: server.report_in_state(worker, "stopping"), 30, what="the worker to take note")
    worker.kill()  # as the kubelet does then
    assert give_back_of(server, worker) == Requeued(1, 0)
    assert server.waiting("celery") == [task]


def test_children_that_linger_after_their_tasks_do_not_hold_up_the_end(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(environment={"TEST_CHILDREN_LINGER": "1"}).start().ready()
    task = send(server.client, "proj.nap", 3)
    wait_for(lambda: task in server.started(), 30, what="the task to start")
    worker.terminate()
    wait_for(lambda: task in server.finished(), 30, what="the task to end")
    ends_soon(worker)
    assert server.client.exists("celery", "unacked") == 0


def test_term_over_a_silent_connection_gives_back_what_has_not_started(
    make_worker: MakeWorker, server: RedisServer, proxy: Proxy
) -> None:
    worker = make_worker(capacity=1, prefetchMultiplier=4, environment=behind(proxy, server)).start().ready()
    tasks = [send(server.client, "proj.nap", 2 if at == 0 else 30) for at in range(5)]
    wait_for(lambda: server.report(worker).get("prefetched") == 3, 30, what="the worker to prefetch")
    proxy.freeze()
    worker.terminate()
    wait_for(lambda: tasks[0] in server.finished(), 30, what="the task to end")
    ends_soon(worker)
    assert (server.waiting("celery"), server.started()) == (tasks[1:], tasks[:1])
    assert server.client.exists("unacked") == 0
    assert server.left_behind() == []


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    running = Proxy(server.port)
    yield running
    running.close()


def behind(proxy: Proxy, server: RedisServer) -> dict[str, str]:
    """The environment of a worker whose broker is behind the proxy."""
    names = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
    return {**dict.fromkeys(names, proxy.url), "TEST_NOTES_URL": server.url}


def ends_soon(worker: Worker) -> None:
    """The longest task has ended, so the process ends within 10 s; one more for a slow machine."""
    since = time.monotonic()
    worker.ended(timeout=20)
    assert time.monotonic() - since < 11


@pytest.mark.parametrize(
    "trouble",
    [pytest.param(Proxy.close, id="broker-away"), pytest.param(Proxy.freeze, id="half-open-connection")],
)
@pytest.mark.parametrize("busy", [pytest.param(True, id="busy"), pytest.param(False, id="idle")])
@every_pool
def test_term_ends_a_worker_that_has_lost_its_broker(
    make_worker: MakeWorker,
    server: RedisServer,
    proxy: Proxy,
    *,
    pool: str,
    busy: bool,
    trouble: Callable[[Proxy], None],
) -> None:
    worker = make_worker(pool, capacity=1, environment=behind(proxy, server)).start().ready()
    task = send(server.client, "proj.nap", 5 if busy else 0)
    wait_for(lambda: task in (server.started() if busy else server.finished()), 30, what="the task")
    trouble(proxy)
    worker.terminate()
    wait_for(lambda: task in server.finished(), 30, what="the task to end")
    ends_soon(worker)
    if trouble is Proxy.freeze:  # new connections work, so the task that has ended is acknowledged over one
        assert server.client.exists("celery", "unacked") == 0
