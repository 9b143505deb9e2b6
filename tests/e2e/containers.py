"""Processes of containers, where the nodes run on the machine that runs the tests."""

import os
from pathlib import Path

from taskfleet.api import Object


def container_id(pod: Object) -> str:
    """Of the pod's one container."""
    (status,) = pod["status"]["containerStatuses"]
    return str(status["containerID"]).rpartition("/")[2]


def first_process(container: str) -> int | None:
    """The pid, on this machine, of the process that is a container's PID 1; None where it is not to be seen."""
    return next((pid for pid in _pids() if _is_first(pid, container)), None)


def ended(pid: int | None) -> bool:
    """Whether a process has ended; one that cannot be seen counts as ended."""
    return pid is None or not Path(f"/proc/{pid}").exists()


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _is_first(pid: int, container: str) -> bool:
    try:
        if container not in Path(f"/proc/{pid}/cgroup").read_text():
            return False
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # ended meanwhile
        return False
    (inside,) = [line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:")]
    return inside == "1"
