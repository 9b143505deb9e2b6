"""What an operator costs that has nothing to do."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from tests.load.figure import Figure
from tests.load.ground import Ground, step

_POOLS = 1000
_SECONDS = 60


def idle_1000_pools(ground: Ground) -> Iterator[Figure]:
    """Measured at the operator that made the children, so that what it has forgotten to free counts."""
    ground.grow_to(_POOLS)
    pid = ground.operator.pid
    with step(f"watching the operator for {_SECONDS} s"):
        before, began = cpu_seconds(pid), time.monotonic()
        memory = []
        for second in range(1, _SECONDS + 1):
            time.sleep(max(0.0, began + second - time.monotonic()))
            memory.append(resident_megabytes(pid))
        share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    yield Figure("idle_1000_pools_rss_mb", round(max(memory), 1), "MB", len(memory))
    yield Figure("idle_1000_pools_cpu_percent", round(share * 100, 2), "% of a core", _SECONDS)


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
