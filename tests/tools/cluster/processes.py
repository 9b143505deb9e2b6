"""Start, find and end the processes of a cluster.

Every process is started with two variables in its environment, which its children inherit: which cluster
it belongs to, and which component it is. They are found by that mark alone, so a crash between the start
of a process and a note about it cannot lose one, and a pid used anew cannot be mistaken for one.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.tools.cluster.state import ClusterError

RUN_DIR = "TASKFLEET_CLUSTER_RUN"
COMPONENT = "TASKFLEET_CLUSTER_COMPONENT"


@dataclass(frozen=True)
class Process:
    pid: int
    component: str
    program: str  # base name of its first argument


def marked(run_dir: Path) -> list[Process]:
    """Every living process of a cluster, children of components (such as containerd's shims) included."""
    found = (_read(int(entry), run_dir) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for process in found if process is not None]


def _read(pid: int, run_dir: Path) -> Process | None:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # ended meanwhile, or another user's
        return None
    environment = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
    if environment.get(RUN_DIR.encode()) != os.fsencode(run_dir):
        return None
    component = environment.get(COMPONENT.encode(), b"").decode()
    return Process(pid, component, Path(os.fsdecode(arguments[0])).name)


def start(argv: Sequence[str], *, component: str, run_dir: Path, environment: Mapping[str, str]) -> None:
    """Start a component in a session of its own, with init as its parent, its output in a log file."""
    marks = {RUN_DIR: str(run_dir), COMPONENT: component}
    with log_file(run_dir, component).open("ab") as log:
        subprocess.run(
            ["setsid", "--fork", *argv],
            check=True,
            cwd=run_dir,
            env={**environment, **marks},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def log_file(run_dir: Path, component: str) -> Path:
    return run_dir / "log" / f"{component}.log"


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], *, seconds: float, failure: Callable[[], str]) -> None:
    """Ask again every 50 ms until it holds; ClusterError with the failure's text after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(failure())
        time.sleep(0.05)


def answers(probe: str) -> bool:
    """Whether http(s)://... answers 200 or unix:<path> accepts a connection. Certificates are not checked:
    this asks whether a program has started, and sends nothing."""
    if probe.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            return client.connect_ex(probe.removeprefix("unix:")) == 0
    try:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl._create_unverified_context()),
        )
        with opener.open(probe, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
