"""Pools of the tests' own app in one namespace, and the tasks that they are given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from taskfleet.api import Object
from tests.envtest.pools import worker_pool
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import wait_for

APP = Path(__file__).parent / "app"
_MOUNT = {"name": "e2e", "mountPath": "/e2e"}
_VOLUME = {"name": "e2e", "configMap": {"name": "e2e"}}
_URL = {"secretKeyRef": {"name": "default-broker-connection", "key": "url"}}
# Where tasks leave their marks: a variable of pools whose own broker is no Redis.
MARKS = {"name": "MARKS_URL", "valueFrom": _URL}


class Run(NamedTuple):
    """A task's time on a pod, in Unix time."""

    pod: str
    began: float
    ended: float


@dataclass(frozen=True)
class Marks:
    """How often each task of a key was started and finished, by task id, and in which pod; ids as sent and started."""

    started: Mapping[str, int]
    done: Mapping[str, int]
    pod: Mapping[str, str]
    sent: list[str]
    order: list[str]
    runs: list[Run]


@dataclass
class Fleet:
    """A namespace with the tests' app, a client pod to send tasks from, and any number of pools."""

    kubeconfig: Path
    kube: Kube
    namespace: str
    image: str
    _client_started: bool = field(default=False, init=False)

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.kubeconfig, namespace=self.namespace)

    def pool(self, name: str, **spec: Any) -> Object:
        """Apply a pool of the tests' app; `spec` takes only what the test is about."""
        self._ensure_app()
        template = {
            "spec": {"volumes": [_VOLUME], "containers": [{"name": "worker", "volumeMounts": [_MOUNT]}]}
        }
        base = {"app": "e2e_app", "image": self.image, "env": [{"name": "PYTHONPATH", "value": "/e2e"}]}
        pool = worker_pool(self.namespace, name, **{**base, "template": template, **spec})
        self.kubectl.apply(pool)
        return pool

    def wait_until_ready(self, *pools: str, seconds: int = 90) -> None:
        names = [f"workerpool/{name}" for name in pools]
        self.kubectl("wait", "--for=condition=Ready", *names, f"--timeout={seconds}s")

    def pods(self, pool: str) -> list[Object]:
        found = self.kube.list("Pod", self.namespace, selector=f"taskfleet.dev/pool={pool}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def running(self, pool: str) -> set[str]:
        """Every start of a worker container: the set stays the same while nothing restarts."""
        statuses = [one for pod in self.pods(pool) for one in pod["status"].get("containerStatuses", [])]
        return {one["containerID"] for one in statuses if "containerID" in one}

    def send(self, key: str, *, count: int, seconds: float = 0, queue: str = "celery") -> None:
        """Send tasks that each take `seconds` and leave their marks under `key`."""
        self.send_to({key: queue}, count=count, seconds=seconds)

    def send_to(self, queues: Mapping[str, str], *, count: int, seconds: float = 0) -> None:
        """As `send`, to several queues: a queue by key."""
        pairs = [f"{key}={queue}" for key, queue in queues.items()]
        self._in_client("/e2e/send.py", str(count), str(seconds), *pairs)

    def send_later(self, key: str, *, seconds: float, queue: str = "celery") -> None:
        """Send one task that is due in `seconds`."""
        self._in_client("/e2e/send_later.py", str(seconds), f"{key}={queue}")

    def send_over(self, url: str, key: str, *, count: int, seconds: float, queue: str) -> None:
        """As `send`, over another broker than the namespace's default."""
        self._ensure_client()
        command = ("env", f"CELERY_BROKER_URL={url}", "python", "/e2e/send.py", str(count), str(seconds))
        self.kubectl("exec", "client", "--", *command, f"{key}={queue}")

    def first_task(self, key: str) -> dict[str, float]:
        """Send one task; the Unix times when it was sent, its worker's process began, and it started."""
        times: dict[str, float] = json.loads(self._in_client("/e2e/first_task.py", key))
        return times

    def marks(self, key: str) -> Marks:
        seen = json.loads(self._in_client("/e2e/marks.py", key))
        counts = {name: {task: int(n) for task, n in seen[name].items()} for name in ("started", "done")}
        runs = [Run(*json.loads(run)) for run in seen["runs"]]
        return Marks(counts["started"], counts["done"], seen["pod"], seen["sent"], seen["order"], runs)

    def hold(self, key: str, *, count: int, queue: str = "celery") -> None:
        """Send tasks that work until `release`; the count of those that have started is in `marks`."""
        self._in_client("/e2e/held_tasks.py", "send", str(count), f"{key}={queue}")

    def release(self, *keys: str) -> None:
        self._in_client("/e2e/held_tasks.py", "release", *keys)

    def send_poison(self, queues: Mapping[str, str]) -> None:
        """Send one task to each queue, by key, that ends its process whenever it starts, until `cure`."""
        self._in_client("/e2e/poisoned.py", "send", *[f"{key}={queue}" for key, queue in queues.items()])

    def cure(self, *keys: str) -> None:
        self._in_client("/e2e/poisoned.py", "cure", *keys)

    def held(self, pool: str) -> dict[str, int]:
        """How many messages each start of the pool's workers holds, by `<pool uid>/<pod>/<start id>`."""
        found: dict[str, int] = json.loads(self._in_client("/e2e/held.py"))
        return {start: count for start, count in found.items() if f"/{pool}-worker-" in start}

    def schedules(self) -> set[str]:
        """The names of the entries that the broker's beat finds in Redis."""
        return set(json.loads(self._in_client("/e2e/schedules.py")))

    def status(self, pool: str) -> Object:
        live = self.kube.get("WorkerPool", pool, self.namespace) or {}
        status: Object = live.get("status") or {}
        return status

    def wait_until_started(self, key: str, count: int, *, seconds: float = 30) -> None:
        wait_for(
            lambda: len(self.marks(key).started) >= count, seconds, what=f"{count} started tasks", poll=0.3
        )

    def wait_until_done(self, key: str, count: int, *, seconds: float = 60) -> Marks:
        wait_for(
            lambda: len(self.marks(key).done) == count, seconds, what=f"{count} finished tasks", poll=0.3
        )
        return self.marks(key)

    def _in_client(self, *arguments: str) -> str:
        self._ensure_client()
        return self.kubectl("exec", "client", "--", "python", *arguments)

    def _ensure_app(self) -> None:
        data = {path.name: path.read_text() for path in APP.glob("*.py")}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "e2e"}, "data": data}
        )

    def _ensure_client(self) -> None:
        """Once there is a pool there will be a broker, and its Secret lets the client start."""
        if self._client_started:
            return
        self.kubectl.apply(client(self.image))
        self.kubectl("wait", "--for=condition=Ready", "pod/client", "broker/default", "--timeout=120s")
        self._client_started = True


def redis_pod(fleet: Fleet, broker: str = "default") -> str:
    """The uid of a broker's Redis pod; empty where there is none."""
    pod = fleet.kube.get("Pod", f"{broker}-broker-0", fleet.namespace)
    return "" if pod is None else str(pod["metadata"]["uid"])


def client(image: str, name: str = "client", command: Sequence[str] = ("sleep", "3600")) -> Object:
    """A pod with the tests' app and the broker's URL."""
    container = {
        "name": "client",
        "image": image,
        "command": [*command],
        "env": [
            {"name": "CELERY_BROKER_URL", "valueFrom": _URL},
            MARKS,
            {"name": "PYTHONPATH", "value": "/e2e"},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        ],
        "volumeMounts": [_MOUNT],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "volumes": [_VOLUME],
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
