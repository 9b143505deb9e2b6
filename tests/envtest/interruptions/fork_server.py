"""Starts operators by forking a process that has imported everything: half a second each instead of four."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kubernetes.aio.config import kube_config

from tests.tools.waiting import wait_for


class ForkedProcess:
    """A process of the fork server, with what tests ask of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None  # nobody but the fork server learns it

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            self.returncode = 0
        return self.returncode

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def wait(self, timeout: float = 10.0) -> int:
        wait_for(lambda: self.poll() is not None, timeout, what=f"the end of process {self.pid}", poll=0.01)
        return 0

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkServer:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._turn = threading.Lock()

    def launch(self, environment: Mapping[str, str], log_file: Path) -> ForkedProcess:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps([dict(environment), str(log_file)]) + "\n")
            self._process.stdin.flush()
            return ForkedProcess(int(self._process.stdout.readline()))


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    command = [sys.executable, "-m", "tests.envtest.interruptions.fork_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield ForkServer(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    import taskfleet.app  # noqa: F401, PLC0415 - what takes the time; forks have it already
    from taskfleet.cli import main  # noqa: PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        environment, log_file = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_operator(environment, log_file)
            sys.argv = ["taskfleet", "operator"]
            main()
            os._exit(0)
        print(pid, flush=True)


def _become_operator(environment: Mapping[str, str], log_file: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Read from the environment at its import.
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = environment["KUBECONFIG"]


if __name__ == "__main__":
    _serve()
