"""The broker's beat as a process, started as its pod starts it, and schedules as the operator writes them."""

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import redis

from tests.runtime.ports import free_port
from tests.runtime.worker import ROOT, Worker

UID = "6f1c9f0e-3b1f-4d52-9a7e-0d7f5f3f2a11"
CREATED = 1_800_000_000


def entry_json(**changes: Any) -> bytes:
    """A run every minute since CREATED."""
    fields = {
        "v": 1, "name": "report", "task": "shop.report", "args": [1], "kwargs": {"full": True}, "headers": {},
        "queue": None, "priority": None, "expires": None, "schedule": {"every": 60, "anchor": CREATED},
        "since": CREATED, "suspend": False, "startingDeadline": None, "catchUp": "Latest", "trigger": None,
        **changes,
    }  # fmt: skip
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def task_id(uid: str, planned: float) -> str:
    """The id of the run that was planned for then."""
    return str(uuid.uuid5(uuid.UUID(uid), f"{planned:.3f}"))


class Schedules:
    """What the operator does in Redis; `prefix` is the global key prefix."""

    def __init__(self, client: redis.Redis, prefix: str = "") -> None:
        self._client = client
        self._base = f"{prefix}taskfleet:cluster-1:test:schedules"

    def write(self, uid: str = UID, **fields: Any) -> None:
        self.write_all({uid: entry_json(**fields)})

    def write_all(self, entries: dict[str, bytes]) -> None:
        pipe = self._client.pipeline(transaction=True)
        pipe.hset(self._base, mapping=entries)  # type: ignore[arg-type] # its types know no bytes as values
        pipe.incr(f"{self._base}:version")
        pipe.execute()

    def remove(self, uid: str = UID) -> None:
        pipe = self._client.pipeline(transaction=True)
        pipe.hdel(self._base, uid)
        pipe.hdel(f"{self._base}:state", uid)
        pipe.incr(f"{self._base}:version")
        pipe.execute()

    def forget_states(self) -> None:
        self._client.delete(f"{self._base}:state")

    def state(self, uid: str = UID) -> dict[str, Any]:
        """Empty before beat has seen the schedule."""
        raw = self._client.hget(f"{self._base}:state", uid)
        state: dict[str, Any] = json.loads(str(raw)) if raw else {}
        return state

    def heartbeat(self) -> dict[str, Any]:
        raw = self._client.get(f"{self._base}:beat")
        beat: dict[str, Any] = json.loads(str(raw)) if raw else {}
        return beat


class Beat(Worker):
    """One beat process; killed at the end of the test if it still runs."""

    def __init__(
        self,
        python: Path,
        broker_url: str,
        folder: Path,
        *,
        environment: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.name = f"beat-{uuid.uuid4().hex[:8]}"
        self.folder = folder / self.name
        self.folder.mkdir()
        shutil.copytree(
            ROOT / "worker-image", self.folder / "taskfleet", ignore=shutil.ignore_patterns("__pycache__")
        )
        self.port = free_port()
        self.settings = {
            "v": 1, "namespace": "test", "clusterId": "cluster-1", "globalKeyPrefix": None,
            "prioritySteps": None, "separator": None, **settings,
        }  # fmt: skip
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONUNBUFFERED": "1",
            "CELERY_BROKER_URL": broker_url, "POD_NAME": self.name,
            "TASKFLEET_SETTINGS": json.dumps(self.settings, sort_keys=True),
            "TASKFLEET_PROBE_PORT": str(self.port),
            "TASKFLEET_TERMINATION_LOG": str(self.folder / "termination-log"), **(environment or {}),
        }  # fmt: skip
        self.command = [str(python), str(self.folder / "taskfleet" / "run.py"), "beat"]
        self.process = None
