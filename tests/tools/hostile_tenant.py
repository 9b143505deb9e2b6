"""A tenant who does all that they can with `edit` in one namespace to be in the way of the others."""

import itertools
import json
import random
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import redis
import urllib3

from taskfleet.api import Object
from tests.envtest.brokers import apply_external, broker
from tests.runtime.redis_server import RedisServer
from tests.tools.hostile_server import hostile_server
from tests.tools.kube import Kube

MIB = 1024 * 1024
_END = b"$24\r\ntaskfleet:end-of-replies\r\n"
_OK = b"+OK\r\n+OK\r\n+OK\r\n" + _END  # to SELECT, CLIENT and ROLE
_CHANGES_A_SECOND = 20.0
_IDLE_CONNECTIONS = 100


def _after_the_entrance(*pieces: bytes) -> Callable[[], Iterable[bytes]]:
    """To the first request of a connection what lets us in, to each other one the pieces."""
    return lambda: [_OK, *pieces]


SERVERS: Mapping[str, Callable[[], Iterable[bytes]]] = {
    "elements": _after_the_entrance(b"*4000000000\r\n", _END),
    "nested": _after_the_entrance(b"*200000\r\n" * 1000, _END),
    "behind-a-text": _after_the_entrance(b"$1\r\nabc*4000000000\r\n", _END),
    "endless": lambda: itertools.chain([b"$1000000000\r\n"], itertools.repeat(b"x" * MIB, 200)),
    "numbers": lambda: itertools.repeat(b":1\r\n" * 100_000, 50),
    "silent": lambda: (),
    "stranger": lambda: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
}


def report(**changes: Any) -> str:
    said = {"v": 1, "seq": 1, "state": "ready", "active": 1, "capacity": 1, "queues": {"q": {"held": 1}}}
    return json.dumps({**said, **changes})


def spoil(client: "redis.Redis", key: str, pool_uids: Iterable[str]) -> None:
    """Fill a Redis with what is hard to read. `key`: the hash of the reports."""
    odd = [
        report(seq=10**400),
        report(readyAfter=1e300),
        report(startedAt="x"),
        report(capacity=-1),
        report(notes=["\x1b[2J" * 50] * 50),
        '{"v": 1, "seq": NaN}',
        "[" * 60_000,
        "x" * 65_000,
    ]
    fields = {
        f"{uid}/pod-{number}-{at}/s": text
        for number, uid in enumerate(pool_uids)
        for at, text in enumerate(odd)
    }
    fields |= {"a/../../x": report(), "uid/%2e%2e/s": report()}
    fields |= {f"unknown-{number}/pod-{number}/s": report(seq=number) for number in range(2000)}
    client.hset(key, mapping=cast(Any, fields))
    held = key.removesuffix(":reports") + ":held:unknown-0/pod-0/s"
    client.hset(held, mapping={b"\xff": "[Infinity, 1, 2]", "a": "[" * 10_000})
    client.sadd(
        "_kombu.binding.evil", *(f"{'#.' * 60}#{number}\x06\x161\x06\x16q{number}" for number in range(200))
    )
    routing_key = ".".join("a" * 400)
    client.hset(
        "unacked", mapping={f"t{number}": json.dumps([{}, "evil", routing_key]) for number in range(500)}
    )
    client.zadd("unacked_index", {f"t{number}": 1 for number in range(500)})
    client.lpush("q", *["\r\n*4000000000\r\n" * 100] * 100)


class Attack:
    """What goes on for as long as it is entered: changes of objects, and connections to the operator's port."""

    def __init__(self, kube: Kube, namespace: str, pools: list[str], operator_port: int) -> None:
        self._kube = kube
        self._namespace = namespace
        self._pools = pools
        self._port = operator_port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._idle: list[socket.socket] = []
        self.changes = 0

    def __enter__(self) -> "Attack":
        where = ("127.0.0.1", self._port)
        self._idle = [socket.create_connection(where, timeout=10) for _ in range(_IDLE_CONNECTIONS)]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for each in self._idle:
            each.close()

    def _run(self) -> None:
        chance = random.Random(1)
        http = urllib3.PoolManager(retries=False, timeout=5)
        while not self._stop.wait(1 / _CHANGES_A_SECOND):
            self.changes += 1
            # Not of the pods: rollouts would be a load on the cluster's own controllers, which is not ours to bound.
            change = {"metadata": {"annotations": {"changes": str(self.changes)}}}
            self._kube.patch("WorkerPool", chance.choice(self._pools), self._namespace, change)
            with suppress(urllib3.exceptions.HTTPError):
                query = f"namespace={self._namespace}&pool=x"
                headers = {"Taskfleet-Token": b"\xff\xfe".decode("latin-1") * chance.randrange(1, 100)}
                http.request("GET", f"http://127.0.0.1:{self._port}/dead?{query}", headers=headers)


@contextmanager
def hostile_tenant(
    kube: Kube, namespace: str, folder: Path, *, cluster_id: str, operator_port: int
) -> Iterator[Attack]:
    """Brokers on hostile servers, one Redis full of odd data with five pools on it, and an attack to enter."""
    with ExitStack() as stack:
        for name, answer in SERVERS.items():
            port = stack.enter_context(hostile_server(answer))
            apply_external(kube, namespace, f"redis://127.0.0.1:{port}/0", name)
            kube.create(_pool(namespace, f"on-{name}", name))
        apply_external(kube, namespace, "redis://a..b:6379/0", "no-host")
        apply_external(kube, namespace, "redis://169.254.169.254:80/0", "link-local")
        apply_external(kube, namespace, "redis://:a%0d%0aFLUSHALL%0d%0a@127.0.0.1:6379/0", "line-break")
        kube.apply(broker(namespace, "managed"))
        server = stack.enter_context(RedisServer(folder, "--appendonly", "no"))
        apply_external(kube, namespace, server.url, "spoilt")
        pools = [f"spoilt-{number}" for number in range(5)]
        made = [kube.create(_pool(namespace, name, "spoilt")) for name in pools]
        key = f"taskfleet:{cluster_id}:{namespace}:reports"
        with redis.Redis(port=server.port, socket_timeout=30) as client:
            spoil(client, key, [one["metadata"]["uid"] for one in made])
        yield Attack(kube, namespace, pools, operator_port)


def _pool(namespace: str, name: str, broker: str) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "WorkerPool",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "app": "proj",
            "image": "registry.example/app:1",
            "concurrency": 1,
            "queues": ["q"],
            "brokerRef": {"name": broker},
            "autoscale": {"maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindow": "1s"}}},
            "template": {"spec": {"schedulerName": "none"}},
        },
    }
