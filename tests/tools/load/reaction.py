"""How soon a new WorkerPool has its Deployment."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.tools.load.figure import Figure, percentile
from tests.tools.load.ground import NAMESPACE, Ground, pool, step
from tests.tools.waiting import wait_for

_POOLS = 1000
_APPLIES = 500
_PER_SECOND = 10.0  # at fixed times, whether or not the one before is done
_SENDERS = 4
_LISTEN_SECONDS = 120


def apply_to_deployment(ground: Ground) -> Iterator[Figure]:
    """From sending the WorkerPool to hearing of its Deployment through a watch."""
    ground.grow_to(_POOLS)
    names = [f"late-{number}" for number in range(_APPLIES)]
    with step(f"making {_APPLIES} more pools, {_PER_SECOND:g} a second"):
        sent, seen = _measure(ground, names)
    milliseconds = [(seen[f"{name}-worker"] - sent[name]) * 1000 for name in names]
    with step("removing them"):
        for name in names:
            ground.kube.delete("WorkerPool", name, NAMESPACE)
        wait_for(lambda: len(ground.kube.list("Deployment", NAMESPACE)) == _POOLS, 300, poll=1.0)
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        value = round(percentile(milliseconds, share), 1)
        yield Figure(f"apply_to_deployment_{label}", value, "ms", _APPLIES)


def _measure(ground: Ground, names: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """When each pool was sent, and when each Deployment was seen."""
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}

    since = ground.kube.version("Deployment", NAMESPACE)

    def listen() -> None:
        for event in ground.kube.watch("Deployment", NAMESPACE, since=since, seconds=_LISTEN_SECONDS):
            seen.setdefault(event["object"]["metadata"]["name"], time.monotonic())
            if len(seen) == len(names):
                return

    def send(name: str) -> None:
        sent[name] = time.monotonic()
        ground.kube.create(pool(name))

    listener = threading.Thread(target=listen)
    listener.start()
    with ThreadPoolExecutor(_SENDERS) as senders:
        began = time.monotonic()
        for number, name in enumerate(names):
            time.sleep(max(0.0, began + number / _PER_SECOND - time.monotonic()))
            senders.submit(send, name)
    listener.join()
    return sent, seen
