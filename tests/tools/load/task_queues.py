"""What a thousand TaskQueues cost: the same operator and Redis before them and with them, with nothing to do."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import wait_for_condition
from tests.runtime.redis_server import RedisServer
from tests.tools.load.figure import Figure
from tests.tools.load.ground import NAMESPACE, START_SECONDS, Ground, ground, step
from tests.tools.load.idle import cpu_seconds
from tests.tools.waiting import wait_for

NAMES = (
    "task_queues_cpu_percent",
    "task_queues_redis_cpu_percent",
    "task_queues_round_trips_ratio",
    "task_queues_commands_a_reading",
)
_QUEUES = 1000
_SECONDS = 60
_CREATORS = 4


@dataclass(frozen=True)
class _Cost:
    """Of one second; `readings` are round trips of the loop that reads the broker, each ended by an ECHO."""

    operator: float
    redis: float
    readings: float
    lengths: float


def task_queues(folder: Path) -> Iterator[Figure]:
    """The shares are what the queues add; a reading is one round trip whatever their number."""
    with RedisServer(folder, "--appendonly", "no") as server, ground(folder) as made:
        made.operator.wait_until_leading(START_SECONDS)
        broker = apply_external(made.kube, NAMESPACE, server.url)
        wait_for_condition(made.kube, broker, "Ready", "True")
        before = _cost(made, server)
        _make(made)
        after = _cost(made, server)
    yield Figure(NAMES[0], round((after.operator - before.operator) * 100, 2), "% of a core", _QUEUES)
    yield Figure(NAMES[1], round((after.redis - before.redis) * 100, 2), "% of a core", _QUEUES)
    yield Figure(NAMES[2], round(after.readings / before.readings, 2), "ratio", _QUEUES)
    yield Figure(NAMES[3], round(after.lengths / after.readings, 1), "commands", _QUEUES)


def _make(made: Ground) -> None:
    names = [f"queue-{number}" for number in range(_QUEUES)]
    with step(f"making {_QUEUES} TaskQueues"), ThreadPoolExecutor(_CREATORS) as creators:
        for _ in creators.map(lambda name: made.kube.create(_task_queue(name)), names):
            pass
    with step("waiting until each was read"):
        wait_for(lambda: _read(made), 300, what="a reading of every queue", poll=2.0)
    made.settle()


def _read(made: Ground) -> bool:
    read = [one["status"].get("observedGeneration") for one in made.kube.list("TaskQueue", NAMESPACE)]
    return read == [1] * _QUEUES


def _task_queue(name: str) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "TaskQueue",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"alertAbove": {"waiting": 100, "age": "1m"}},
    }


def _cost(made: Ground, server: RedisServer) -> _Cost:
    with step(f"watching the operator for {_SECONDS} s"):
        began, cpu, redis, echo, lengths = time.monotonic(), *_spent(made, server)
        time.sleep(_SECONDS)
        took = time.monotonic() - began
        now = _spent(made, server)
    spent = [(after - before) / took for after, before in zip(now, (cpu, redis, echo, lengths), strict=True)]
    return _Cost(*spent)


def _spent(made: Ground, server: RedisServer) -> tuple[float, float, float, float]:
    cpu = server.client.info("cpu")
    calls = server.client.info("commandstats")
    redis = float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])
    count = {name: float(calls.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("echo", "llen")}
    return cpu_seconds(made.operator.pid), redis, count["echo"], count["llen"]
