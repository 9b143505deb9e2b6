"""Where a test cluster keeps its things, and which slot of addresses it has.

Everything lies below one cache folder. What is kept between clusters (toolchain, programs, images) is
named by its content; what belongs to one cluster lies in that cluster's own folder and goes with it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Profile = Literal["control-plane", "full"]

SLOTS = 16  # as many as addresses.py has networks for


class ClusterError(Exception):
    """Says what is wrong and what to do; shown to the user without a traceback."""


@dataclass(frozen=True)
class ClusterRecord:
    """What a cluster was asked to be, written before anything of it exists."""

    name: str
    slot: int
    profile: Profile
    nodes: int  # 0 in the control-plane profile


def cache_dir() -> Path:
    """The user's cache folder for Taskfleet."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "taskfleet"


def clusters_dir() -> Path:
    return cache_dir() / "clusters"


def run_dir(name: str) -> Path:
    """The folder of one cluster; it exists as long as anything of the cluster may."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
        raise ClusterError(
            f"cluster name {name!r}: use 1 to 20 lower-case letters, digits and dashes, a letter first."
        )
    return clusters_dir() / name


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold a lock among all processes of this user; it ends with the process that holds it."""
    path = cache_dir() / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_record(name: str) -> ClusterRecord | None:
    """The record of a cluster, or None where there is no such cluster."""
    try:
        return ClusterRecord(**json.loads((run_dir(name) / "cluster.json").read_text()))
    except FileNotFoundError:
        return None


def records() -> list[ClusterRecord]:
    """All clusters that have a folder, by name."""
    names = sorted(path.parent.name for path in clusters_dir().glob("*/cluster.json"))
    return [record for name in names if (record := read_record(name))]


def write_record(record: ClusterRecord) -> None:
    folder = run_dir(record.name)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "cluster.json.new"
    temporary.write_text(json.dumps(asdict(record)))
    temporary.rename(folder / "cluster.json")


def free_slot(used: set[int], taken_by_others: set[int]) -> int:
    """The lowest slot that no cluster of ours and nothing else on this machine uses."""
    for slot in range(SLOTS):
        if slot not in used | taken_by_others:
            return slot
    raise ClusterError(f"all {SLOTS} slots for clusters are in use: stop one (see `make cluster-status`).")
