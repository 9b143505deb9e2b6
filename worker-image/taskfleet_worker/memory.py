"""The memory that the worker's container uses, as the kubelet counts it: without the page cache that can be dropped.

It is the cgroup's, not the sum over processes: children of prefork share most of their pages with their parent.
"""

from __future__ import annotations

from typing import Callable

# A report without news costs the operator next to nothing, so a small change is none.
STEP = 16 * 1024 * 1024
READ_EVERY = 10.0
# Of cgroup version 2 and 1: the usage, and the name of the cache in it.
FILES = (
    ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)


def working_set(files: tuple[tuple[str, str, str], ...] = FILES) -> int | None:
    """Bytes; None where no cgroup tells it."""
    return next((used for each in files if (used := _working_set(*each)) is not None), None)


def _working_set(usage: str, statistics: str, cache: str) -> int | None:
    try:
        with open(usage) as file:
            used = int(file.read())
        with open(statistics) as file:
            fields = dict(line.split() for line in file)
        return max(0, used - int(fields.get(cache, 0)))
    except (OSError, ValueError):
        return None


class Memory:
    """What is reported of it: read now and then, and the same until it has changed by a step."""

    def __init__(
        self, clock: Callable[[], float], read: Callable[[], int | None] = working_set, *, step: int = STEP
    ) -> None:
        self._clock = clock
        self._read = read
        self._step = step
        self._read_at = float("-inf")
        self._told: int | None = None

    def now(self) -> int | None:
        """Bytes, at most one step away from what is used; None where that is not known."""
        if self._clock() - self._read_at >= READ_EVERY:
            self._read_at = self._clock()
            used = self._read()
            if used is None or self._told is None or abs(used - self._told) >= self._step:
                self._told = used
        return self._told
