"""In every state that an object can rest in, the operator writes nothing: not at a resync, not after a restart."""

import time
from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external, broker, external_broker
from tests.envtest.conditions import wait_for_condition
from tests.envtest.conftest import StartOperator
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pods import not_ready, pods_of, ready, set_status, wait_for_pod, waiting
from tests.envtest.pools import worker_pool
from tests.envtest.proxy import Proxy
from tests.envtest.queues import task_queue
from tests.envtest.test_no_writes import assert_no_writes, resyncs
from tests.envtest.test_worker_pool_others import foreign
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

BROKERS: dict[str, tuple[str, str]] = {
    "answers": ("True", "Reachable"),
    "nobody": ("False", "Unreachable"),
    "secretless": ("False", "SecretMissing"),
    "tls": ("False", "Unreachable"),
    "starting": ("False", "Starting"),
    "taken": ("False", "NameConflict"),
    "invalid": ("False", "InvalidSpec"),
}
POOLS: dict[str, tuple[str, str]] = {
    "ready": ("True", "Available"),
    "zero": ("True", "ScaledToZero"),
    "suspended": ("True", "Suspended"),
    "beat": ("False", "BeatNotReady"),
    "directive": ("False", "InvalidSpec"),
    "unknown": ("False", "InvalidSpec"),
    "conflict": ("False", "NameConflict"),
    "brokerless": ("False", "BrokerMissing"),
    "waits": ("False", "BrokerNotReady"),
    "pulls": ("False", "ImagePullFailed"),
}


QUEUES: dict[str, tuple[str, str]] = {
    "celery": ("True", "Observed"),
    "unread": ("True", "Observed"),
    "brokerless": ("False", "BrokerMissing"),
    "waits": ("False", "BrokerNotReady"),
}


def make_brokers(kube: Kube, namespace: str, redis_server: RedisServer) -> None:
    apply_external(kube, namespace, redis_server.url, "answers")
    apply_external(kube, namespace, "redis://127.0.0.1:1/0", "nobody")
    apply_external(kube, namespace, "rediss://127.0.0.1:1/0", "tls")
    kube.apply(external_broker(namespace, "secretless"))
    # No scheduler looks at its pod, which after a while would be one without a node.
    kube.apply(broker(namespace, "starting", redis={"template": {"spec": {"schedulerName": "none"}}}))
    kube.create(foreign("Service", "taken-broker", namespace))
    kube.apply(broker(namespace, "taken"))
    kube.apply(broker(namespace, "invalid", redis={"template": {"$patch": "delete"}}))


def make_pools(kube: Kube, namespace: str) -> dict[str, Object]:
    kube.create(foreign("Deployment", "conflict-worker", namespace))
    specs: dict[str, dict[str, Any]] = {
        "ready": {"replicas": 2},
        "zero": {"replicas": 0},
        "suspended": {"replicas": 3, "suspend": True},
        "beat": {"beat": {}, "replicas": 0},
        "directive": {"template": {"spec": {"$patch": "delete"}}},
        "unknown": {"template": {"spec": {"color": "red"}}},
        "conflict": {},
        "brokerless": {"brokerRef": {"name": "nowhere"}},
        "waits": {"brokerRef": {"name": "nobody"}, "replicas": 0},
        "pulls": {"replicas": 1},
    }
    made = {}
    for name, spec in specs.items():
        pool = worker_pool(namespace, name, **{"brokerRef": {"name": "answers"}, **spec})
        made[name] = {**kube.apply(pool), "kind": "WorkerPool"}
    return made


def make_queues(kube: Kube, namespace: str) -> None:
    brokers = {"celery": "answers", "unread": "answers", "brokerless": "nowhere", "waits": "nobody"}
    for name, ref in brokers.items():
        kube.apply(task_queue(namespace, name, brokerRef={"name": ref}))


def in_their_states(kube: Kube, namespace: str) -> None:
    for kind, states in (("Broker", BROKERS), ("WorkerPool", POOLS), ("TaskQueue", QUEUES)):
        for name, (status, reason) in states.items():
            subject = {"kind": kind, "metadata": {"name": name, "namespace": namespace}}
            wait_for_condition(kube, subject, "Ready", status, reason)


def make_pods(kube: Kube, pools: dict[str, Object]) -> None:
    """Two that work and one that cannot."""
    pulling = wait_for_pod(kube, pools["pulls"])
    set_status(kube, pulling, not_ready(pulling, state=waiting("ErrImagePull", "not found")))
    wait_for(lambda: len(pods_of(kube, pools["ready"])) == 2, 30, what="two pods")
    for pod in pods_of(kube, pools["ready"]):
        set_status(kube, pod, ready(pod))


@pytest.fixture
def operator(
    kube: Kube, namespace: str, redis_server: RedisServer, start_operator: StartOperator, proxy: Proxy
) -> OperatorProcess:
    """One that has settled, over one object in each state; pods are built by the version before it."""
    make_brokers(kube, namespace, redis_server)
    pools = make_pools(kube, namespace)
    make_queues(kube, namespace)
    before = start_operator("before", RUNTIME_IMAGE="registry.example/taskfleet-worker:1")
    make_pods(kube, pools)
    in_their_states(kube, namespace)
    before.terminate()
    after = start_operator(
        through=proxy, RUNTIME_IMAGE="registry.example/taskfleet-worker:2", RESYNC_INTERVAL="0.5"
    )
    wait_for_condition(kube, pools["ready"], "UpToDate", "False")
    in_their_states(kube, namespace)
    stayed_quiet(proxy)
    return after


def stayed_quiet(proxy: Proxy) -> None:
    """Return when nothing has been written for longer than counters are held back."""
    last, since = -1, 0.0

    def quiet() -> bool:
        nonlocal last, since
        if len(proxy.writes()) != last:
            last, since = len(proxy.writes()), time.monotonic()
        return time.monotonic() - since > 10.5

    wait_for(quiet, 60, what="quiet")


def test_ten_resyncs_and_a_restart_write_nothing(proxy: Proxy, operator: OperatorProcess) -> None:
    before = len(proxy.calls)
    wait_for(lambda: resyncs(proxy, before) >= 10, 60, what="ten resyncs")
    assert_no_writes(proxy, before)
    operator.terminate()
    operator.start().wait_until_leading()
    again = len(proxy.calls)
    wait_for(lambda: resyncs(proxy, again) >= 10, 60, what="ten resyncs after the restart")
    # What the API server alone can refuse, it is asked once more.
    written = [f"{call.resource} {call.name}" for call in proxy.writes(before)]
    assert written == ["deployments unknown-worker"]
