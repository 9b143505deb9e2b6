"""A cluster with many pools on it, and an operator that has nothing left to do.

The pools have `replicas: 0`: the figures are the operator's own, and pods that nobody can start would only
give the scheduler and the controllers work. They share one managed Broker, as it appears by itself.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from taskfleet.api import Object
from tests.envtest.control_plane import control_plane
from tests.envtest.operator_process import OperatorProcess
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

NAMESPACE = "bench"
_CREATORS = 4
_QUIET_SECONDS = 15.0  # longer than the time after which counters in a status are written
_SETTLE_SECONDS = 1200.0
START_SECONDS = 300.0  # far above the figure to reach: a slow start is measured, not an error


def pool(name: str) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "WorkerPool",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"app": "proj", "image": "registry.example/app:1", "replicas": 0},
    }


class Ground:
    """Pools and operators in one cluster. The operator of the ground itself runs between the measurements."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.kube = Kube(kubeconfig)
        self.operator = self.make_operator("ground").start()
        self.pools = 0

    def make_operator(
        self, name: str, *, kubeconfig: Path | None = None, log_level: str = "WARNING"
    ) -> OperatorProcess:
        return OperatorProcess(
            kubeconfig or self.kubeconfig,
            log_file=self.folder / f"{name}.log",
            lease_namespace=NAMESPACE,
            settings={"LOG_LEVEL": log_level},
        )

    def grow_to(self, pools: int) -> None:
        """Return when there are `pools` pools, the operator has looked at each and nothing changes any more."""
        self.add([pool(f"pool-{number}") for number in range(self.pools, pools)])
        self.settle()

    def add(self, pools: Sequence[Object]) -> None:
        """Return when the pools are made."""
        self.operator.wait_until_leading(START_SECONDS)
        self.pools += len(pools)
        with step(f"making {len(pools)} pools"), ThreadPoolExecutor(_CREATORS) as creators:
            for _ in creators.map(self.kube.create, pools):
                pass

    def settle(self) -> None:
        with step("waiting until nothing changes any more"):
            wait_for(self._all_observed, _SETTLE_SECONDS, what="a look at every pool", poll=2.0)
            self._wait_until_quiet()

    def close(self) -> None:
        self.operator.kill()
        self.kube.close()

    def _all_observed(self) -> bool:
        observed = [
            one["status"].get("observedGeneration") == one["metadata"]["generation"]
            for one in self.kube.list("WorkerPool", NAMESPACE)
        ]
        return len(observed) >= self.pools and all(observed)

    def _wait_until_quiet(self) -> None:
        """Neither the operator nor the cluster's controllers have changed anything for a while."""
        last, since = "", time.monotonic()

        def quiet() -> bool:
            nonlocal last, since
            if (now := self._versions()) != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > _QUIET_SECONDS

        wait_for(quiet, _SETTLE_SECONDS, what="quiet", poll=1.0)

    def _versions(self) -> str:
        """Changes when any object of these kinds does; cheap, for only the operator's counters are read."""
        events = self.operator.metric("taskfleet_watch_events_total")
        writes = self.operator.metric("taskfleet_api_writes_total")
        return f"{events} {writes}"


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    with control_plane("bench") as kubeconfig:
        with step("making the namespace"):
            kube = Kube(kubeconfig)
            kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            kube.close()
        made = Ground(kubeconfig, folder)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def step(what: str) -> Iterator[None]:
    """A line on standard error with the time taken: standard output is for figures only."""
    started = time.monotonic()
    print(f"  {what} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print(f" {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
