"""Remove every trace of a bare cluster, whatever state a crash has left it in.

Nothing here needs the cluster's programs to answer or even to run. Mounts and network namespaces need no
step of their own: they belong to the node's namespaces and end with the last process in there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.tools.cluster import cgroups, network, processes
from tests.tools.cluster.addresses import Addresses
from tests.tools.cluster.state import ClusterError, ClusterRecord

_SECONDS = 30.0


def remove(name: str, run_dir: Path, record: ClusterRecord | None) -> None:
    """End the processes of a cluster, then remove its links, control groups and folder."""
    processes.wait_until(
        lambda: not _kill(name, run_dir),
        seconds=_SECONDS,
        failure=lambda: f"processes of cluster {name} do not end: {sorted(_pids(name, run_dir))}",
    )
    if record is not None and record.nodes:
        network.disconnect(Addresses(record.slot))
    processes.wait_until(
        lambda: cgroups.remove(name),
        seconds=_SECONDS,
        failure=lambda: f"the control groups {cgroups.root_name(name)} cannot be removed.",
    )
    mounts = mounts_below(run_dir, Path("/proc/self/mounts").read_text())
    if mounts:  # deleting below a mount would delete what is mounted
        raise ClusterError(f"unmount what does not belong there, then try again: {', '.join(mounts)}")
    shutil.rmtree(run_dir)


def mounts_below(folder: Path, mounts: str) -> list[str]:
    """Mount points at or below a folder, from the text of /proc/mounts (which writes a space as \\040)."""
    points = (line.split(" ")[1].replace("\\040", " ") for line in mounts.splitlines())
    return [point for point in points if Path(point).is_relative_to(folder)]


def _pids(name: str, run_dir: Path) -> set[int]:
    return {process.pid for process in processes.marked(run_dir)} | cgroups.processes(name)


def _kill(name: str, run_dir: Path) -> bool:
    """Kill what is there now; whether there was anything. A child may have been started meanwhile."""
    pids = _pids(name, run_dir)
    processes.kill(pids)
    return bool(pids)
