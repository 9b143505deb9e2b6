"""The operator as a process of its own, so that tests can stop, kill and pause it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from tests.tools.waiting import wait_for

_START_SECONDS = 60.0  # of which Python needs 2 when it has a core for itself
_HTTP = urllib3.PoolManager(retries=False)


class Process(Protocol):
    """What tests ask of `subprocess.Popen`."""

    pid: int
    returncode: Any

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def terminate(self) -> None: ...
    def wait(self, timeout: float) -> int: ...


Launch = Callable[[Mapping[str, str], Path], Process]
"""Starts an operator with an environment, and with its output at the end of a file."""


class OperatorProcess:
    """`taskfleet operator` on a cluster. `settings` are further TASKFLEET_* variables, without the prefix."""

    def __init__(
        self,
        kubeconfig: Path,
        *,
        log_file: Path,
        lease_namespace: str,
        namespaces: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        launch: Launch | None = None,
    ) -> None:
        self.name = log_file.stem
        self._kubeconfig = kubeconfig
        self._log_file = log_file
        self._settings = {
            "NAMESPACES": ",".join(namespaces),
            "LEASE_NAMESPACE": lease_namespace,
            "LOG_FORMAT": "console",
            **(settings or {}),
        }
        self._launch = launch or _launch
        self._process: Process | None = None
        self._port = 0

    @property
    def lease_namespace(self) -> str:
        return self._settings["LEASE_NAMESPACE"]

    @property
    def pid(self) -> int:
        assert self._process is not None, "the operator was not started"
        return self._process.pid

    @property
    def port(self) -> int:
        """Of its HTTP server."""
        return self._port

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> "OperatorProcess":
        assert not self.running
        self._port = _free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TASKFLEET_")}
        given = {f"TASKFLEET_{name}": value for name, value in self._settings.items()}
        environment = {
            **inherited,
            **given,
            "KUBECONFIG": str(self._kubeconfig),
            "TASKFLEET_HTTP_PORT": str(self._port),
            "POD_NAME": self.name,
        }
        self._process = self._launch(environment, self._log_file)
        return self

    def wait_until_leading(self, timeout: float = _START_SECONDS, *, poll: float = 0.05) -> "OperatorProcess":
        """Return when it holds the lease and has looked at every object once."""
        self.wait_for(
            lambda: self.metric("taskfleet_initial_sync_seconds"), timeout, "the first look", poll=poll
        )
        return self

    def wait_until_ready(self, timeout: float = _START_SECONDS) -> "OperatorProcess":
        """Return when it has read the cluster, whether it leads or follows."""
        self.wait_for(lambda: self.get("/readyz")[0] == 200, timeout, "readiness")
        return self

    def wait_for(self, condition: Any, timeout: float, what: str, *, poll: float = 0.05) -> None:
        def alive_and_so() -> Any:
            assert self.running, f"{self.name} has ended: {self._process and self._process.returncode}"
            return condition()

        wait_for(alive_and_so, timeout, what=f"{what} of {self.name}", poll=poll)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stopped as by SIGSTOP within the block, as if its event loop hung."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def terminate(self, timeout: float = 15.0) -> int:
        """SIGTERM, as the kubelet stops it; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout)

    def kill(self) -> None:
        """SIGKILL; also ends one that is paused. Nothing happens if it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def get(self, path: str, *, timeout: float = 5.0) -> tuple[int, str]:
        """Status and text of its HTTP port; 0 where there is no answer in time."""
        try:
            answer = _HTTP.request("GET", f"http://127.0.0.1:{self._port}{path}", timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error)
        return answer.status, answer.data.decode()

    def metric(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """The sum of a metric's samples with these labels; 0 where there is none."""
        status, text = self.get("/metrics")
        if status != 200:
            return 0.0
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and (labels or {}).items() <= sample.labels.items()
        )

    @property
    def leads(self) -> bool:
        return self.metric("taskfleet_leader") == 1

    def log(self) -> str:
        return self._log_file.read_text() if self._log_file.exists() else ""


def _launch(environment: Mapping[str, str], log_file: Path) -> Process:
    with log_file.open("ab") as log:
        command = [sys.executable, "-m", "taskfleet", "operator"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
