"""Control groups of a cluster: every pod's processes are in one below the cluster's own root."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


def root_name(cluster: str) -> str:
    """The cluster's group, from the root of each hierarchy."""
    return f"/taskfleet-{cluster}"


def hierarchies() -> list[Path]:
    """One folder with version 2; one for each controller with version 1; none on a machine without."""
    if not MOUNT.exists():
        return []
    if (MOUNT / "cgroup.controllers").exists():
        return [MOUNT]
    return [
        path for path in sorted(MOUNT.iterdir()) if (path / "cgroup.procs").exists() and not path.is_symlink()
    ]


def create(group: str) -> None:
    """Make a node's group in every hierarchy, ready to have children in which processes run."""
    for hierarchy in hierarchies():
        folder = hierarchy
        for name in ("", *group.strip("/").split("/")):
            folder = folder / name
            folder.mkdir(exist_ok=True)
            if (folder / "cgroup.controllers").exists():
                _switch_on_controllers(folder)
            elif hierarchy.name == "cpuset":
                _fill_cpuset(folder, hierarchy)


def _switch_on_controllers(folder: Path) -> None:
    for controller in (folder / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):  # some cannot be delegated; the kubelet names those it misses
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _fill_cpuset(folder: Path, hierarchy: Path) -> None:
    """A new version 1 cpuset group is empty, and nothing can run in it until it is filled."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (folder / name).exists() and not (folder / name).read_text().strip():
            (folder / name).write_text((hierarchy / name).read_text())


def processes(cluster: str) -> set[int]:
    """Pids of everything below the cluster's root."""
    pids: set[int] = set()
    for folder in _folders(cluster):
        with contextlib.suppress(OSError):
            pids |= {int(pid) for pid in (folder / "cgroup.procs").read_text().split()}
    return pids


def remove(cluster: str) -> bool:
    """Remove the cluster's groups, children first; False while one is still in use."""
    for folder in _folders(cluster):
        with contextlib.suppress(OSError):
            folder.rmdir()
    return not any(_folders(cluster))


def _folders(cluster: str) -> Iterator[Path]:
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / root_name(cluster).lstrip("/"), topdown=False):
            yield Path(folder)
