"""What an operator costs that has nothing to do: the pods of a thousand pools report that they are idle."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from tests.tools.load.figure import Figure
from tests.tools.load.fleets import Fleets
from tests.tools.load.ground import Ground, step

_POOLS = 1000
_PODS = 5000
_SECONDS = 60
_CURVE = (1000, 2500, 5000)


def idle_1000_pools(fleets: Fleets) -> Iterator[Figure]:
    """Measured at the operator that made the children, so that what it has forgotten to free counts."""
    fleets.grow_to(_POOLS, pods=_PODS)
    trips, readings = _round_trips(fleets), _readings(fleets)
    cpu, memory = _watch(fleets.ground)
    trips, readings = _round_trips(fleets) - trips, _readings(fleets) - readings
    yield Figure("idle_1000_pools_rss_mb", memory, "MB", _SECONDS)
    yield Figure("idle_1000_pools_cpu_percent", cpu, "% of a core", _SECONDS)
    ticks = readings / len(fleets.servers)
    yield Figure("idle_1000_pools_round_trips_a_tick", round(trips / ticks, 2), "round trips", readings)
    yield Figure("idle_1000_pools_ticks_a_second", round(ticks / _SECONDS, 2), "1/s", readings)


def idle_curve(fleets: Fleets) -> Iterator[Figure]:
    """The cost of more and more pools, each with one pod that reports."""
    for pools in _CURVE:
        fleets.grow_to(pools, pods=pools)
        cpu, memory = _watch(fleets.ground)
        yield Figure(f"idle_curve_{pools}_pools_cpu_percent", cpu, "% of a core", _SECONDS)
        yield Figure(f"idle_curve_{pools}_pools_rss_mb", memory, "MB", _SECONDS)


CURVE_NAMES = tuple(
    f"idle_curve_{pools}_pools_{what}" for pools in _CURVE for what in ("cpu_percent", "rss_mb")
)


def idle_1000_pools_without_pods(ground: Ground) -> Iterator[Figure]:
    """As above, with pools at zero on one Broker that never comes up: the operator alone."""
    ground.grow_to(_POOLS)
    cpu, memory = _watch(ground)
    yield Figure("idle_1000_pools_without_pods_rss_mb", memory, "MB", _SECONDS)
    yield Figure("idle_1000_pools_without_pods_cpu_percent", cpu, "% of a core", _SECONDS)


def _watch(ground: Ground) -> tuple[float, float]:
    """The operator's share of a core in percent, and its largest resident memory in megabytes."""
    pid = ground.operator.pid
    with step(f"watching the operator for {_SECONDS} s"):
        before, began = cpu_seconds(pid), time.monotonic()
        memory = []
        for second in range(1, _SECONDS + 1):
            time.sleep(max(0.0, began + second - time.monotonic()))
            memory.append(resident_megabytes(pid))
        share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    return round(share * 100, 2), round(max(memory), 1)


def _round_trips(fleets: Fleets) -> int:
    """Of all brokers so far: the operator ends every request to one with an ECHO."""
    stats = [server.client.info("commandstats") for server in fleets.servers]
    return sum(each.get("cmdstat_echo", {}).get("calls", 0) for each in stats)


def _readings(fleets: Fleets) -> int:
    """Of all brokers so far, as the operator counts them."""
    return round(fleets.ground.operator.metric("taskfleet_poll_seconds_count"))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, its own and the kernel's for it (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process (proc(5), status); a megabyte is 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no VmRSS")
