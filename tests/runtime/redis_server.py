"""A real redis-server on loopback, with its data in a folder of the test."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from tests.runtime.ports import free_port
from tests.runtime.worker import Worker
from tests.tools.cluster import debian
from tests.tools.waiting import wait_for

STEADY = 1.0  # seconds; a worker with room takes what is there within milliseconds


class RedisServer:
    """Started on entry, stopped on exit; `kill` and `start` again keep the port and the data."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)
        self.folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        debian.require({"redis-server": "redis-server"})
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
        ]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always", *self._options, *options]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._answers, 30, what="redis-server to answer")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def copy_of_data(self) -> Path:
        """What is in its files now, for `put_back`."""
        copy = self.folder / "copy"
        shutil.copytree(self.folder / "appendonlydir", copy)
        return copy

    def put_back(self, copy: Path) -> None:
        """Between `kill` and `start`: everything that was written after the copy is forgotten."""
        shutil.rmtree(self.folder / "appendonlydir")
        copy.rename(self.folder / "appendonlydir")

    def lines(self, key: str) -> list[str]:
        """A list, the oldest first."""
        return [str(line) for line in self.client.lrange(key, 0, -1)]

    def started(self) -> list[str]:
        """Ids of the tasks that began, in order, one for each time."""
        return [line.split()[0] for line in dict.fromkeys(self.lines("test:start"))]

    def finished(self) -> list[str]:
        """Ids of the tasks that ended, in order."""
        return [line.split()[0] for line in dict.fromkeys(self.lines("test:end"))]

    def waiting(self, key: str) -> list[str]:
        """Ids of the tasks in a list, the next one first."""
        return [json.loads(line)["headers"]["id"] for line in reversed(self.lines(key))]

    def remove(self, key: str, task: str) -> None:
        """Take a message out of a list."""
        for line in self.lines(key):
            if json.loads(line)["headers"]["id"] == task:
                self.client.lrem(key, 1, line)

    def report(self, worker: Worker) -> dict[str, Any]:
        """The worker's report; empty before the first."""
        reports = self.client.hgetall("taskfleet:cluster-1:test:reports")
        mine = [value for field, value in reports.items() if str(field).startswith(f"uid-1/{worker.name}/")]
        assert len(mine) <= 1
        report: dict[str, Any] = json.loads(mine[0]) if mine else {}
        return report

    def held(self, worker: Worker) -> int:
        """How many messages the worker holds, as Redis has it."""
        keys = self.client.keys(f"taskfleet:cluster-1:test:held:uid-1/{worker.name}/*")
        return sum(int(self.client.hlen(str(key))) for key in keys)

    def held_when_full(self, worker: Worker) -> int:
        """How many it holds once it takes no more; with green pools that depends on how the messages came."""
        held, since = 0, time.monotonic()

        def steady() -> bool:
            nonlocal held, since
            if (now := self.held(worker)) != held:
                held, since = now, time.monotonic()
            return held > 0 and time.monotonic() - since > STEADY

        wait_for(steady, 30, what="the worker to be full")
        return held

    def left_behind(self) -> list[str]:
        """Keys of Taskfleet's, except what became of tasks, which outlives a worker."""
        keys = sorted(map(str, self.client.keys("taskfleet:*")))
        kept = ("taskfleet:cluster-1:test:outcomes:", "taskfleet:cluster-1:test:failures:")
        return [key for key in keys if not key.startswith(kept)]

    def start_of(self, worker: Worker) -> str:
        """`<pool uid>/<pod>/<start id>` of the worker's newest report."""
        fields = [str(field) for field in self.client.hkeys("taskfleet:cluster-1:test:reports")]
        (mine,) = [field for field in fields if field.startswith(f"uid-1/{worker.name}/")]
        return mine

    def report_in_state(self, worker: Worker, state: str) -> dict[str, Any]:
        """The worker's report if it is in this state, else empty."""
        report = self.report(worker)
        return report if report.get("state") == state else {}

    def drop_connections(self) -> None:
        """Cut every client off, as a failover or a proxy does."""
        self.client.client_kill_filter(_type="normal", skipme=True)
        self.client.client_kill_filter(_type="pubsub")

    def drain(self, worker: Worker, lease: int, milliseconds: int = 30_000) -> None:
        """As the operator does."""
        self.client.set(f"taskfleet:cluster-1:test:drain:uid-1/{worker.name}", lease, px=milliseconds)

    def stop(self, worker: Worker) -> None:
        """As the operator does with a pod that was deleted and goes on."""
        self.client.set(f"taskfleet:cluster-1:test:drain:uid-1/{worker.name}", "stop", px=30_000)

    def lift(self, worker: Worker) -> None:
        self.client.delete(f"taskfleet:cluster-1:test:drain:uid-1/{worker.name}")

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.client.close()
        self.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
