"""A cluster with pools that follow their queues, on brokers of their own, and pods that report to these."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.pods import is_ready
from tests.runtime.redis_server import RedisServer
from tests.tools.load.ground import NAMESPACE, Ground, ground, pool, step
from tests.tools.load.pretend_pods import Reporters, ReportingPod, make_ready
from tests.tools.waiting import wait_for

BROKERS = 4
MEASURED = "measured"  # the pool that gets tasks
_MADE_SECONDS = 900.0


def scaled_pool(name: str, broker: str, *, least: int = 0) -> Object:
    """A pool of one process a pod on the queue of its name. No scheduler looks at its pods: there are no nodes."""
    made = pool(name)
    made["spec"] = {
        "app": "proj",
        "image": "registry.example/app:1",
        "concurrency": 1,
        "queues": [name],
        "brokerRef": {"name": broker},
        "autoscale": {
            "minReplicas": least,
            "maxReplicas": 40,
            "behavior": {"scaleDown": {"stabilizationWindow": "1s"}},
        },
        "template": {"spec": {"schedulerName": "none"}},
    }
    return made


class Fleets:
    """Pools on `BROKERS` brokers, in turn; `MEASURED` is on the first and at zero."""

    def __init__(self, made: Ground, servers: Sequence[RedisServer], stack: ExitStack) -> None:
        self.ground = made
        self.servers = servers
        self.clients = [redis.Redis(port=server.port, socket_timeout=30) for server in servers]
        self._stack = stack
        for number, server in enumerate(servers):
            apply_external(made.kube, NAMESPACE, server.url, f"broker-{number}")
        made.add([scaled_pool(MEASURED, "broker-0")])

    def grow_to(self, pools: int, *, pods: int) -> None:
        """Return when `pools` idle pools are there beside MEASURED, with `pods` pods altogether that all report."""
        if self.ground.pools > pools:
            return
        there = self.ground.pools - 1
        each = (pods - len(self._pods())) // (pools - there)
        names = [f"idle-{number}" for number in range(there, pools)]
        self.ground.add(
            [scaled_pool(name, f"broker-{number % BROKERS}", least=each) for number, name in enumerate(names)]
        )
        with step(f"waiting for {pods} pods"):
            wait_for(lambda: len(self._pods()) >= pods, _MADE_SECONDS, what=f"{pods} pods", poll=5.0)
        silent = [pod for pod in self._pods() if not is_ready(pod)]
        with step(f"making {len(silent)} of them ready"):
            make_ready(self.ground.kube, silent)
        self._stack.enter_context(Reporters(self._places(silent)))
        self.ground.settle()

    def _pods(self) -> list[Object]:
        """Of idle pools: MEASURED may still be on its way to zero."""
        labels = f"taskfleet.dev/pool,taskfleet.dev/pool!={MEASURED}"
        return self.ground.kube.list("Pod", NAMESPACE, selector=labels)

    def _places(self, pods: Sequence[Object]) -> dict[redis.Redis, list[ReportingPod]]:
        """Where the pods report, by broker."""
        cluster = self.ground.kube.get("Namespace", "kube-system") or {}
        key = f"taskfleet:{cluster['metadata']['uid']}:{NAMESPACE}:reports"
        pools = {one["metadata"]["name"]: one for one in self.ground.kube.list("WorkerPool", NAMESPACE)}
        found: dict[redis.Redis, list[ReportingPod]] = {client: [] for client in self.clients}
        for number, pod in enumerate(pods):
            owner = pools[pod["metadata"]["labels"]["taskfleet.dev/pool"]]
            client = self.clients[int(owner["spec"]["brokerRef"]["name"].removeprefix("broker-"))]
            field = f"{owner['metadata']['uid']}/{pod['metadata']['name']}/{number:012x}"
            found[client].append(ReportingPod(key, field))
        return found


@contextmanager
def fleets(folder: Path) -> Iterator[Fleets]:
    with ExitStack() as stack:
        servers = []
        for number in range(BROKERS):
            place = folder / f"broker-{number}"
            place.mkdir()
            servers.append(stack.enter_context(RedisServer(place, "--appendonly", "no")))
        yield Fleets(stack.enter_context(ground(folder)), servers, stack)
