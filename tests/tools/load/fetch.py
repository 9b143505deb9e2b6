"""What the fetch by one script gains and costs, beside BRPOP: real workers on one real Redis."""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.load.crowd import Crowd
from tests.tools.load.figure import Figure, percentile
from tests.tools.load.runtime import Plain, Running, ours, tasks_per_second
from tests.tools.waiting import wait_for

ROUNDS = 5
PAIRS = 200
# A pool's usual size: one process a core, some threads, many greenlets.
SIZES = {"prefork": 2, "threads": 8, "gevent": 100}
CROWD = 300
MESSAGES_A_SECOND = 100.0
CROWD_SECONDS = 20.0

WAKE_UP = "fetch_wake_up_ratio"
RATES = {pool: f"fetch_throughput_ratio_{pool}" for pool in SIZES}
CPU = {pool: f"fetch_redis_cpu_ratio_{pool}" for pool in SIZES}
CROWD_NAMES = ("fetch_crowd_redis_cpu_percent", "fetch_crowd_wake_up_p99")
NAMES = (WAKE_UP, *RATES.values(), *CPU.values(), *CROWD_NAMES)


def fetch(folder: Path, wanted: set[str]) -> Iterator[Figure]:
    """A plain worker, which fetches by BRPOP, and one of ours take turns, so that the machine's mood hits both."""
    with RedisServer(folder, "--appendonly", "no") as server:
        if WAKE_UP in wanted:
            yield _wake_up(server, folder)
        for pool in SIZES:
            if not wanted.isdisjoint((RATES[pool], CPU[pool])):
                yield from _rates(server, folder, pool)
        if not wanted.isdisjoint(CROWD_NAMES):
            yield from _crowd(server)


def _wake_up(server: RedisServer, folder: Path) -> Figure:
    """Both sleep; each message goes to the queue of one of them. Timed until the task begins."""
    begins = folder / "begins"
    begins.touch()
    workers: dict[str, Worker] = {
        "plain": Plain(server.url, folder, pool="threads", queues=["plain"]),
        "ours": ours(server.url, folder, pool="threads", queues=["ours"]),
    }
    taken: dict[str, list[float]] = {queue: [] for queue in workers}
    with ExitStack() as stack:
        for worker in workers.values():
            worker.environment["BENCH_BEGINS"] = str(begins)
            stack.enter_context(Running(worker))
        for number in range(10 + PAIRS):  # the first ten warm them up
            for queue in sorted(workers, reverse=bool(number % 2)):
                time.sleep(random.uniform(0.02, 0.06))  # the load's pace: both sleep again
                seconds = _until_it_begins(server, queue, begins)
                if number >= 10:
                    taken[queue].append(seconds)
    ratio = statistics.median(taken["ours"]) / statistics.median(taken["plain"])
    return Figure(WAKE_UP, round(ratio, 3), "ratio", PAIRS)


def _until_it_begins(server: RedisServer, queue: str, begins: Path) -> float:
    before, sent = begins.stat().st_size, time.monotonic()
    send(server.client, "bench.begins", queue=queue)
    wait_for(lambda: begins.stat().st_size > before, 30, what="the task to begin", poll=0.001)
    return float(begins.read_text().splitlines()[-1]) - sent


def _rates(server: RedisServer, folder: Path, pool: str) -> Iterator[Figure]:
    rates, costs = [], []
    for number in range(ROUNDS):
        found = {}
        for kind in sorted(("plain", "ours"), reverse=bool(number % 2)):
            make = Plain if kind == "plain" else ours
            before = _redis_seconds(server)
            rate = tasks_per_second(server, make(server.url, folder, pool=pool, capacity=SIZES[pool]))
            found[kind] = rate, _redis_seconds(server) - before
        rates.append(found["ours"][0] / found["plain"][0])
        costs.append(found["ours"][1] / found["plain"][1])
    yield Figure(RATES[pool], round(statistics.median(rates), 3), "ratio", ROUNDS)
    yield Figure(CPU[pool], round(statistics.median(costs), 3), "ratio", ROUNDS)


def _redis_seconds(server: RedisServer) -> float:
    """Of the processor, since its start."""
    used = server.client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _crowd(server: RedisServer) -> Iterator[Figure]:
    server.client.flushall()
    with Crowd(server.port, CROWD) as crowd:
        crowd.run(2.0, MESSAGES_A_SECOND)  # they learn how many they are
        before, since = _redis_seconds(server), time.monotonic()
        delays = crowd.run(CROWD_SECONDS, MESSAGES_A_SECOND)
        busy = 100 * (_redis_seconds(server) - before) / (time.monotonic() - since)
    yield Figure(CROWD_NAMES[0], round(busy, 1), "percent of a core", 1)
    yield Figure(CROWD_NAMES[1], round(1000 * percentile(delays, 0.99), 1), "ms", len(delays))
