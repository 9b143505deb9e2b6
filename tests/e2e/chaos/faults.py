"""What may happen to a bare cluster of two nodes: its programs and containers paused and killed, a node cut off."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.chaos.ledger import Absence
from tests.e2e.nodes import cut_off
from tests.tools.cluster import cgroups
from tests.tools.cluster.bare import BareCluster

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE = ("kubelet", "containerd", "kube-proxy")
# What a container's process is found by: words that its command line begins with or has.
CONTAINERS = {
    "redis": ("redis-server",),
    "operator": ("taskfleet", "operator"),
    "worker": ("run.py", "worker"),
    "dns": ("coredns",),
}


@dataclass
class Ground:
    """A cluster under chaos, and what was done to it, in Unix time."""

    cluster: BareCluster
    nodes: int
    absences: list[Absence] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """Lasts for as long as the caller stays in `happen`, between `shortest` and `longest` seconds."""

    name: str
    happen: Callable[[Ground], AbstractContextManager[None]]
    shortest: float = 0.0
    longest: float = 0.0


def faults(nodes: int) -> list[Fault]:
    """Every one that the test knows."""
    named = [*CONTROL_PLANE, *(f"{name}-{number}" for name in NODE for number in range(1, nodes + 1))]
    return [
        *(Fault(f"{name} is killed", _killed_component(name), 0, 20) for name in named),
        *(Fault(f"{name} is paused", _paused_component(name), 2, 30) for name in named),
        *(Fault(f"{name} is killed", _killed_container(words)) for name, words in CONTAINERS.items()),
        *(Fault(f"{name} is paused", _paused_container(words), 2, 45) for name, words in CONTAINERS.items()),
        *(
            Fault(f"node {number} is cut off for {kind}", cut_off_node(number), *seconds)
            for number in range(1, nodes + 1)
            for kind, seconds in {"a moment": (2.0, 40.0), "long": (130.0, 170.0)}.items()
        ),
    ]


def plan(seed: int, nodes: int) -> Iterator[tuple[Fault, float, float]]:
    """Without end: a fault, the seconds that it lasts, and the seconds of peace after it."""
    chance, known = random.Random(seed), faults(nodes)
    while True:
        fault = chance.choice(known)
        yield fault, chance.uniform(fault.shortest, fault.longest), chance.uniform(3, 20)


def _killed_component(name: str) -> Callable[[Ground], AbstractContextManager[None]]:
    @contextmanager
    def happen(ground: Ground) -> Iterator[None]:
        ground.cluster.send_signal(name, signal.SIGKILL)
        try:
            yield
        finally:
            ground.cluster.start(name)

    return happen


def _paused_component(name: str) -> Callable[[Ground], AbstractContextManager[None]]:
    @contextmanager
    def happen(ground: Ground) -> Iterator[None]:
        ground.cluster.send_signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            ground.cluster.send_signal(name, signal.SIGCONT)

    return happen


def _killed_container(words: tuple[str, ...]) -> Callable[[Ground], AbstractContextManager[None]]:
    @contextmanager
    def happen(ground: Ground) -> Iterator[None]:
        ground.kills.append(time.time())
        _signal(_first_of(words, ground.cluster.name), signal.SIGKILL)
        yield

    return happen


def _paused_container(words: tuple[str, ...]) -> Callable[[Ground], AbstractContextManager[None]]:
    @contextmanager
    def happen(ground: Ground) -> Iterator[None]:
        pid = _first_of(words, ground.cluster.name)
        _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            # A liveness probe may have ended it: the kill, too, is a fault.
            ground.kills.append(time.time())
            _signal(pid, signal.SIGCONT)

    return happen


def cut_off_node(number: int) -> Callable[[Ground], AbstractContextManager[None]]:
    """Nothing reaches the node, and its processes go on."""

    @contextmanager
    def happen(ground: Ground) -> Iterator[None]:
        since = time.time()
        with cut_off(ground.cluster, number):
            yield
        ground.absences.append(Absence(f"node{number}", since, time.time()))

    return happen


def _first_of(words: tuple[str, ...], cluster: str) -> int | None:
    """The pid of the oldest process in the cluster's containers whose command line has all the words."""
    found = [pid for pid in cgroups.processes(cluster) if _says(pid, words)]
    return min(found, default=None)


def _says(pid: int, words: tuple[str, ...]) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return all(word in line for word in words)


def _signal(pid: int | None, number: signal.Signals) -> None:
    """To a process that may have ended: the container that it was in is being started again."""
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
