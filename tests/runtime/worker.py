"""Real workers as processes, started as a pod starts them."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.runtime.ports import free_port
from tests.tools.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
APPS = Path(__file__).parent / "apps"


def settings(pool_type: str | None, **changes: Any) -> dict[str, Any]:
    """TASKFLEET_SETTINGS as the operator writes them; without a pool everything is left to the app."""
    if pool_type is None:
        changes = {"capacity": None, "queues": None, **changes}
    return {
        "v": 1, "namespace": "test", "pool": "pool", "poolUid": "uid-1", "clusterId": "cluster-1",
        "poolType": pool_type, "capacity": 1 if pool_type == "solo" else 2, "processAutoscale": None,
        "queues": ["celery"], "queueOrder": "Strict", "acknowledge": "Late", "prefetchMultiplier": None,
        "visibilityTimeout": 3600, "globalKeyPrefix": None, "prioritySteps": None, "separator": None,
        "timeLimit": None, "gracePeriod": 60, **changes,
    }  # fmt: skip


class Worker:
    """One worker process; killed at the end of the test if it still runs."""

    def __init__(
        self, python: Path, broker_url: str, folder: Path, *, app: str = "proj", pool: str | None = "prefork",
        arguments: tuple[str, ...] = (), environment: dict[str, str] | None = None, **changes: Any,
    ) -> None:  # fmt: skip
        self.name = f"w-{uuid.uuid4().hex[:8]}"
        self.python = python
        self.settings = settings(pool, **changes)
        self.folder = folder / self.name
        self.folder.mkdir()
        # As the init container does: nothing of the checkout is importable, the folder is not writable by chance.
        shutil.copytree(
            ROOT / "worker-image", self.folder / "taskfleet", ignore=shutil.ignore_patterns("__pycache__")
        )
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(APPS),
            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "CELERY_BROKER_URL": broker_url, "CELERY_BROKER_READ_URL": broker_url,
            "CELERY_BROKER_WRITE_URL": broker_url, "POD_NAME": self.name,
            "TASKFLEET_SETTINGS": json.dumps(self.settings, sort_keys=True),
            "TASKFLEET_PROBE_PORT": str(self.port),
            "TASKFLEET_TERMINATION_LOG": str(self.folder / "termination-log"), **(environment or {}),
        }  # fmt: skip
        self.command = [
            str(python), str(self.folder / "taskfleet" / "run.py"), "worker", "-A", app,
            *([f"--pool={pool}"] if pool is not None else []), *self._queues(),
            f"--hostname=pool@{self.name}", "--loglevel=INFO", "--without-gossip", "--without-mingle", *self._size(), *arguments,
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def _size(self) -> list[str]:
        autoscale = self.settings["processAutoscale"]
        if autoscale:
            return [f"--autoscale={autoscale['max']},{autoscale['min']}"]
        capacity = self.settings["capacity"]
        return [f"--concurrency={capacity}"] if capacity is not None else []

    def _queues(self) -> list[str]:
        queues = self.settings["queues"]
        return [f"--queues={','.join(queues)}"] if queues is not None else []

    def start(self) -> "Worker":
        with (self.folder / "log").open("ab") as log:
            # A group of its own, so that a test can kill all of it, as the kernel does with a container.
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        return self

    def ready(self) -> "Worker":
        """Wait until the worker consumes."""
        wait_for(self._is_ready_or_gone, 60, what=f"{self.name} to be ready")
        assert self.running, f"{self.name} ended with {self.exit_code}: {self.log[-3000:]}"
        return self

    def _is_ready_or_gone(self) -> bool:
        return not self.running or self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a probe; 0 while nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode().strip()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        assert self.process is not None
        return self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        assert self.process is not None
        return self.process.poll()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def termination_log(self) -> str:
        path = self.folder / "termination-log"
        return path.read_text() if path.exists() else ""

    def terminate(self) -> "Worker":
        os.kill(self.pid, signal.SIGTERM)
        return self

    def ended(self, timeout: float = 30) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        wait_for(lambda: not self.running, timeout, what=f"{self.name} to end: {self.log[-2000:]}")
        assert self.exit_code is not None
        return self.exit_code

    def children(self) -> list[int]:
        """Processes of a prefork pool."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill_children(self, number: signal.Signals = signal.SIGKILL) -> None:
        for pid in self.children():
            os.kill(pid, number)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """All of it stopped as by SIGSTOP within the block: what Redis sends meanwhile is read afterwards."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to the whole container, as an out-of-memory kill on cgroup v2 is."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
