"""Signals that do not end a worker: SIGHUP restarts it in place, SIGUSR1 shows where its threads are."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.runtime.beat import Beat, Schedules
from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_app_beat import app_beat, sends
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def restarted(server: RedisServer, worker: Worker, before: str) -> None:
    """The same process, another start."""
    starts = "taskfleet:cluster-1:test:reports"
    wait_for(lambda: before not in server.client.hkeys(starts), 30, what="the report to go")
    wait_for(lambda: server.client.hkeys(starts), 60, what="the next start's report")
    assert worker.running
    assert server.start_of(worker) != before
    wait_for(lambda: worker.get("/readyz")[0] == 200, 30, what="the worker to be ready again")


@every_pool
def test_sighup_restarts_a_busy_worker_in_place(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, capacity=1).start().ready()
    tasks = [send(server.client, "proj.nap", 3) for _ in range(3)]
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    before = server.start_of(worker)
    os.kill(worker.pid, signal.SIGHUP)
    restarted(server, worker, before)
    wait_for(lambda: len(server.finished()) == 3, 30, what="the rest to run")
    assert sorted(server.started()) == sorted(tasks)
    assert worker.terminate().ended() == 0
    assert server.left_behind() == []


def test_sighup_restarts_an_idle_worker_again_and_again(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker().start().ready()
    for _ in range(3):
        before = server.start_of(worker)
        os.kill(worker.pid, signal.SIGHUP)
        restarted(server, worker, before)
    task = send(server.client, "proj.child")
    wait_for(lambda: task in server.finished(), 30, what="a task to start a Python of its own")
    path = Path(f"/proc/{worker.pid}/environ").read_text().split("PYTHONPATH=")[1].split("\0")[0]
    assert path.count("for_subprocesses") == 1


def test_sighup_while_it_drains_restarts_it_too(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker().start().ready()
    server.drain(worker, lease=1)
    wait_for(lambda: server.report_in_state(worker, "drained"), 10, what="the worker to drain")
    before = server.start_of(worker)
    os.kill(worker.pid, signal.SIGHUP)
    wait_for(
        lambda: before not in server.client.hkeys("taskfleet:cluster-1:test:reports"),
        30,
        what="the report to go",
    )
    wait_for(lambda: server.report_in_state(worker, "drained"), 40, what="the next start to drain")


@every_pool
def test_sigusr1_shows_the_stacks_and_changes_nothing(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    os.kill(worker.pid, signal.SIGUSR1)
    if pool not in ("gevent", "eventlet"):  # Celery finds no threads there
        wait_for(lambda: "LOCAL VARIABLES" in worker.log, 30, what="the stacks")
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), 30, what="a task to run")
    assert worker.get("/readyz") == (200, "ready")


def test_signals_that_nobody_uses_change_nothing(make_worker: MakeWorker, server: RedisServer) -> None:
    worker = make_worker(environment={"CELERY_RDBSIG": ""}).start().ready()
    for number in (signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD, signal.SIGCONT):
        os.kill(worker.pid, number)
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), 30, what="a task to run")


def test_beat_refuses_sighup_with_a_sentence(make_worker: MakeWorker, server: RedisServer) -> None:
    beat = app_beat(make_worker).ready()
    wait_for(lambda: sends(server, beat), 20, what="beat to send")
    os.kill(beat.pid, signal.SIGHUP)
    wait_for(lambda: "SIGHUP is ignored" in beat.log, 30, what="the sentence")
    sent = server.client.llen("celery")
    wait_for(lambda: server.client.llen("celery") > sent, 30, what="beat to go on")


def test_the_brokers_beat_refuses_sighup_too(python: Path, server: RedisServer, tmp_path: Path) -> None:
    beat = Beat(python, server.url, tmp_path)
    try:
        beat.start().ready()
        os.kill(beat.pid, signal.SIGHUP)
        wait_for(lambda: "SIGHUP is ignored" in beat.log, 30, what="the sentence")
        assert Schedules(server.client).heartbeat()
    finally:
        beat.kill()
