"""What the runtime costs a worker: real workers as processes, with and without it, on one real Redis."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import ROOT, Worker
from tests.tools.load.figure import Figure
from tests.tools.waiting import wait_for

PYTHON = ROOT / ".venvs" / "celery-5.7" / "bin" / "python"  # made by `make test-runtime`
TASKS = 4000
ROUNDS = 5
IDLE_SECONDS = 20.0

NAMES = ("runtime_throughput_ratio", "runtime_start_added_seconds", "runtime_idle_commands")


class Plain(Worker):
    """The same worker without Taskfleet, with the configuration that Taskfleet gives it."""

    def __init__(self, broker_url: str, folder: Path, *, pool: str = "prefork", **settings: Any) -> None:
        super().__init__(PYTHON, broker_url, folder, app="bench", pool=pool, **settings)
        flags = self.command[5:]
        self.command = [str(PYTHON), "-m", "celery", "-A", "bench", "worker", *flags]
        self.command += ["--prefetch-multiplier=1", "--disable-prefetch"]
        self.environment["BENCH_LATE"] = "1"


def ours(broker_url: str, folder: Path, *, pool: str = "prefork", **settings: Any) -> Worker:
    """A worker with Taskfleet."""
    return Worker(PYTHON, broker_url, folder, app="bench", pool=pool, **settings)


def runtime(folder: Path, wanted: set[str]) -> Iterator[Figure]:
    """A plain worker and one of ours take turns, so that the machine's mood hits both."""
    with RedisServer(folder, "--appendonly", "no") as server:
        for name, measure in zip(NAMES, (_throughput, _start, _idle), strict=True):
            if name in wanted:
                yield measure(server, folder)


def _throughput(server: RedisServer, folder: Path) -> Figure:
    ratios = []
    for _ in range(ROUNDS):
        plain = tasks_per_second(server, Plain(server.url, folder))
        ratios.append(tasks_per_second(server, ours(server.url, folder)) / plain)
    return Figure("runtime_throughput_ratio", round(statistics.median(ratios), 3), "ratio", ROUNDS)


def tasks_per_second(server: RedisServer, worker: Worker) -> float:
    """Of a worker that finds a full queue, from when it is warm."""
    server.client.flushall()
    for _ in range(TASKS + 200):  # the first 200 warm the worker up
        send(server.client, "bench.nothing")
    with Running(worker):
        wait_for(
            lambda: int(server.client.llen("celery")) <= TASKS, 30, what="the worker to warm up", poll=0.005
        )
        waiting, since = int(server.client.llen("celery")), time.monotonic()
        wait_for(lambda: not server.client.llen("celery"), 120, what="all tasks", poll=0.005)
        return waiting / (time.monotonic() - since)


def _start(server: RedisServer, folder: Path) -> Figure:
    added = []
    for _ in range(ROUNDS):
        server.client.flushall()
        seconds = []
        for worker in (Plain(server.url, folder), ours(server.url, folder)):
            since = time.monotonic()
            with Running(worker):
                seconds.append(time.monotonic() - since)
        added.append(seconds[1] - seconds[0])
    return Figure("runtime_start_added_seconds", round(statistics.median(added), 3), "s", ROUNDS)


def _idle(server: RedisServer, folder: Path) -> Figure:
    rates = []
    for worker in (Plain(server.url, folder), ours(server.url, folder)):
        server.client.flushall()
        with Running(worker):
            _wait(2.0)
            before = _commands(server)
            _wait(IDLE_SECONDS)
            rates.append((_commands(server) - before - 1) / IDLE_SECONDS)
    return Figure("runtime_idle_commands", round(rates[1] - rates[0], 2), "commands/s", 1)


def _commands(server: RedisServer) -> int:
    return int(server.client.info("stats")["total_commands_processed"])


def _wait(seconds: float) -> None:
    """A measured span of time, not a wait for something to happen."""
    time.sleep(seconds)


class Running:
    """A worker from its start to its end."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __enter__(self) -> Worker:
        worker = self._worker.start()
        wait_for(lambda: " ready." in worker.log, 60, what="the worker to be ready", poll=0.01)
        return worker

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
