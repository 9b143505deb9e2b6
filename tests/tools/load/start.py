"""How long a restarted operator needs to have looked at everything, and what it writes meanwhile."""

import statistics
import time
from collections.abc import Iterator

from tests.envtest.proxy import Proxy
from tests.tools.load.figure import Figure
from tests.tools.load.ground import START_SECONDS, Ground, step

_POOLS = 5000
_RUNS = 3
_LOOKED = "every object was reconciled once"
_AFTERWARDS_SECONDS = 20.0  # a status write that may wait comes within 10


def start_5000_pools(ground: Ground) -> Iterator[Figure]:
    """From the start of the process on, without the proxy, which would cost time of its own.

    The end is read from the log: to print the metrics of 5,000 pools costs the operator a good part of a second.
    """
    ground.grow_to(_POOLS)
    ground.operator.terminate()
    seconds = []
    for number in range(_RUNS):
        timed = ground.make_operator(f"timed-{number}", log_level="INFO")
        with step("starting the operator"):
            began = time.monotonic()
            timed.start().wait_for(
                lambda timed=timed: _LOOKED in timed.log(), START_SECONDS, "the first look"
            )
            seconds.append(time.monotonic() - began)
        timed.terminate()
    ground.operator.start()
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
