"""What counting the outcomes of tasks costs a worker: one of ours with it and without it, on one real Redis."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.load.figure import Figure
from tests.tools.load.runtime import PYTHON, tasks_per_second

ROUNDS = 9

NAMES = ("outcomes_throughput_ratio",)


def outcomes(folder: Path) -> Iterator[Figure]:
    """The two take turns, so that the machine's mood hits both, and each begins every other time."""
    ratios = []
    with RedisServer(folder, "--appendonly", "no") as server:
        for number in range(ROUNDS):
            uncounted, counted = {"BENCH_UNCOUNTED": "1"}, {"BENCH_UNCOUNTED": ""}
            rates = {}
            for environment in (uncounted, counted) if number % 2 else (counted, uncounted):
                worker = Worker(PYTHON, server.url, folder, app="bench", environment=environment)
                rates[environment["BENCH_UNCOUNTED"]] = tasks_per_second(server, worker)
            ratios.append(rates[""] / rates["1"])
    yield Figure(*NAMES, round(statistics.median(ratios), 3), "ratio", ROUNDS)
