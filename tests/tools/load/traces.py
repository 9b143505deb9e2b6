"""What tracing costs a worker: one that sends a span of each hundredth execution and one that sends none, on one real Redis."""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.runtime.otlp_receiver import otlp_receiver
from tests.runtime.redis_server import RedisServer
from tests.tools.load.figure import Figure
from tests.tools.load.runtime import ours, tasks_per_second

ROUNDS = 9
SAMPLING = 0.01

NAMES = ("traces_throughput_ratio",)


def traces(folder: Path) -> Iterator[Figure]:
    """The two take turns, so that the machine's mood hits both, and each begins every other time."""
    ratios = []
    with RedisServer(folder, "--appendonly", "no") as server, otlp_receiver() as receiver:
        on = {"endpoint": receiver.endpoint, "service": "bench", "sampling": SAMPLING}
        for number in range(ROUNDS):
            rates = {}
            for traced in (True, False) if number % 2 else (False, True):
                settings: dict[str, Any] = {"traces": on} if traced else {}
                rates[traced] = tasks_per_second(server, ours(server.url, folder, **settings))
            ratios.append(rates[True] / rates[False])
        assert receiver.spans, "no span has come"
    yield Figure(*NAMES, round(statistics.median(ratios), 3), "ratio", ROUNDS)
