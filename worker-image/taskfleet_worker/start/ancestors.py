"""The processes between the container's first one and this one: whether SIGTERM comes through, and to whom.

The kubelet sends it to the container's first process, which is a launcher that did not hand over by `exec`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Callable

# They pass signals on. The first also to all children of the worker: its default is the whole process group.
_GROUP = "dumb-init"
_FORWARD = frozenset({_GROUP, "tini", "docker-init", "catatonit", "runit", "s6-svscan"})
_SHOWN = 15  # the kernel keeps as many characters of a name


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def ancestors(read: Callable[[str], str] = _read, pid: int | None = None) -> list[str]:
    """Names of the processes from this one's parent to the first, the parent first.

    Empty where this is the first process, or where the first is none that was started for it: the pod's processes
    share a namespace, and each container's first process gets its own signal.
    """
    if "/run.py" not in read("/proc/1/cmdline"):
        return []
    found, at = [], os.getpid() if pid is None else pid
    while at > 1:
        at = int(read(f"/proc/{at}/stat").rpartition(")")[2].split()[1])
        if at:
            found.append(read(f"/proc/{at}/comm").strip())
    return found


def unreached(names: Sequence[str]) -> str | None:
    """A sentence for the report where SIGTERM may not come through; None where it does."""
    stops = next((name for name in names if name[:_SHOWN] not in _FORWARD), None)
    if stops is None:
        return None
    return (
        f"SIGTERM may not reach the worker, because {stops!r} runs between it and the container: end the launcher "
        'with exec "$@", or start it by tini.'
    )


def signals_all(names: Sequence[str]) -> bool:
    """Whether one of them sends SIGTERM to the worker's children as well, which would end their tasks."""
    return _GROUP in names
