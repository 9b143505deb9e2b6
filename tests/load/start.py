"""How long a restarted operator needs to have looked at everything, and what it writes meanwhile."""

import statistics
import time
from collections.abc import Iterator

from tests.envtest.proxy import Proxy
from tests.load.figure import Figure
from tests.load.ground import START_SECONDS, Ground, step

_POOLS = 5000
_RUNS = 3
_POLL_SECONDS = 0.25  # each look at the metrics costs the operator time
_AFTERWARDS_SECONDS = 20.0  # a status write that may wait comes within 10


def start_5000_pools(ground: Ground) -> Iterator[Figure]:
    """From the start of the process on, without the proxy, which would cost time of its own."""
    ground.grow_to(_POOLS)
    seconds = []
    for _ in range(_RUNS):
        ground.operator.terminate()
        with step("starting the operator"):
            began = time.monotonic()
            ground.operator.start().wait_until_leading(START_SECONDS, poll=_POLL_SECONDS)
            seconds.append(time.monotonic() - began)
        ground.settle()
    yield Figure("start_5000_pools", round(statistics.median(seconds), 2), "s", _RUNS)


def start_5000_pools_writes(ground: Ground) -> Iterator[Figure]:
    """Counted by the proxy, until some time after the first look at the last pool."""
    ground.grow_to(_POOLS)
    ground.operator.terminate()
    with Proxy(ground.kubeconfig, ground.folder) as proxy, step("starting the operator behind the proxy"):
        counted = ground.make_operator("counted", kubeconfig=proxy.kubeconfig).start()
        try:
            counted.wait_until_leading(START_SECONDS)
            time.sleep(_AFTERWARDS_SECONDS)
        finally:
            counted.terminate()
        writes = len(proxy.writes())
    ground.operator.start()
    yield Figure("start_5000_pools_writes", writes, "writes", _POOLS)
