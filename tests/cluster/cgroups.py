"""Control groups of a cluster: every pod's processes are in one below the cluster's own root."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")


def root_name(cluster: str) -> str:
    """The cluster's group, from the root of each hierarchy."""
    return f"/taskfleet-{cluster}"


def hierarchies(mount: Path = _MOUNT) -> list[Path]:
    """One folder with version 2; one for each controller with version 1."""
    if (mount / "cgroup.controllers").exists():
        return [mount]
    return [
        path for path in sorted(mount.iterdir()) if (path / "cgroup.procs").exists() and not path.is_symlink()
    ]


def create(group: str) -> None:
    """Make a node's group in every hierarchy, with all controllers switched on for its children."""
    for hierarchy in hierarchies():
        folder = hierarchy / group.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for level in [hierarchy, *reversed(folder.relative_to(hierarchy).parents[:-1]), folder]:
            _switch_on_controllers(hierarchy / level)
            _copy_cpuset(hierarchy / level, hierarchy)


def _switch_on_controllers(folder: Path) -> None:
    available = folder / "cgroup.controllers"
    if available.exists():
        for controller in available.read_text().split():
            with contextlib.suppress(OSError):  # some cannot be delegated; the kubelet names those it misses
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _copy_cpuset(folder: Path, hierarchy: Path) -> None:
    """A new version 1 cpuset group is empty, and nothing can run in it until it is filled."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (
            hierarchy.name == "cpuset"
            and (folder / name).exists()
            and not (folder / name).read_text().strip()
        ):
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
