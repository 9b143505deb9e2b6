"""How soon a pool is at its size when tasks come: from LPUSH to the Deployment's new number of replicas."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Queue

from urllib3.exceptions import HTTPError

from tests.tools.load.figure import Figure, percentile
from tests.tools.load.fleets import MEASURED, Fleets
from tests.tools.load.ground import NAMESPACE, step

_TASKS = 40  # one pod each: from 0 to the maximum in one step
_BURSTS = 100
_WATCH_SECONDS = 3600
_PATIENCE_SECONDS = 30.0
_MESSAGE = b"x" * 700  # as long as a small Celery message; nobody here reads it


def reaction(fleets: Fleets) -> Iterator[Figure]:
    """Of the only pool."""
    yield from _figures("reaction", _measure(fleets))


def reaction_1000_pools(fleets: Fleets) -> Iterator[Figure]:
    """Of one among a thousand others, whose 5,000 idle pods report."""
    fleets.grow_to(1000, pods=5000)
    yield from _figures("reaction_1000_pools", _measure(fleets))


def _figures(name: str, seconds: list[float]) -> Iterator[Figure]:
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        yield Figure(f"{name}_{label}", round(percentile(seconds, share), 3), "s", len(seconds))


def _measure(fleets: Fleets) -> list[float]:
    with step(f"{_BURSTS} bursts of {_TASKS} tasks"):
        sizes = Sizes(fleets)
        chance = random.Random(1)
        seconds = []
        for _ in range(_BURSTS):
            time.sleep(chance.uniform(0.0, 0.5))  # or every burst would meet the same moment of a tick
            seconds.append(burst(fleets, sizes))
    return seconds


def burst(fleets: Fleets, sizes: "Sizes") -> float:
    """Seconds from the tasks to the size; the pool is at zero again then."""
    client = fleets.clients[0]
    began = time.monotonic()
    client.lpush(MEASURED, *[_MESSAGE] * _TASKS)
    at, size = sizes.next()
    assert size == _TASKS, f"the first step was to {size} replicas, not to {_TASKS}"
    client.delete(MEASURED)
    while sizes.next()[1]:
        pass
    return at - began


class Sizes:
    """When MEASURED's Deployment got another number of replicas, as a watch tells it."""

    def __init__(self, fleets: Fleets) -> None:
        self._kube = fleets.ground.kube
        self._since = self._kube.version("Deployment", NAMESPACE)
        self._seen: Queue[tuple[float, int]] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()  # the API server ends its watch

    def next(self) -> tuple[float, int]:
        try:
            return self._seen.get(timeout=_PATIENCE_SECONDS)
        except Empty:
            raise AssertionError(
                f"the size of {MEASURED} has not changed for {_PATIENCE_SECONDS:g} s"
            ) from None

    def _listen(self) -> None:
        last = 0
        with suppress(HTTPError):  # the cluster is gone
            for event in self._kube.watch("Deployment", NAMESPACE, since=self._since, seconds=_WATCH_SECONDS):
                at, deployment = time.monotonic(), event["object"]
                if deployment["metadata"]["name"] != f"{MEASURED}-worker":
                    continue
                if (size := deployment["spec"].get("replicas", 0)) != last:
                    self._seen.put((at, size))
                    last = size
