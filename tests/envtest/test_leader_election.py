"""Two operators, one lease."""

import signal
import time

import pytest

from taskfleet.api import Object
from tests.envtest.conftest import StartOperator
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for


@pytest.fixture
def leader(start_operator: StartOperator, proxy: Proxy) -> OperatorProcess:
    """An operator that leads, through the proxy."""
    return start_operator("leader", through=proxy).wait_until_leading()


@pytest.fixture
def follower(start_operator: StartOperator, leader: OperatorProcess) -> OperatorProcess:  # noqa: ARG001 - is first
    return start_operator("follower").wait_until_ready()


def holder(kube: Kube, namespace: str) -> str:
    lease = kube.get("Lease", "taskfleet-operator", namespace) or {"spec": {}}
    return str(lease["spec"].get("holderIdentity", ""))


def takeover(kube: Kube, namespace: str, operator: OperatorProcess, limit: float) -> float:
    """Seconds until `operator` holds the lease and leads."""
    began = time.monotonic()
    wait_for(lambda: holder(kube, namespace).startswith(operator.name), limit, what="takeover", poll=0.02)
    seconds = time.monotonic() - began
    wait_for(lambda: operator.leads, 5, what=f"leading of {operator.name}")
    return seconds


def assert_works(kube: Kube, pool: Object) -> None:
    """Whoever leads now brings about what the pool says."""
    wait_for_deployment(kube, kube.apply(pool), replicas=pool["spec"]["replicas"])


def test_follower_is_ready_and_writes_nothing(
    kube: Kube, namespace: str, leader: OperatorProcess, start_operator: StartOperator, proxy: Proxy
) -> None:
    leader.terminate()
    start_operator("first").wait_until_leading()
    before = len(proxy.calls)
    follower = start_operator("second", through=proxy).wait_until_ready()
    assert_works(kube, worker_pool(namespace, replicas=1))
    wait_until_settled(kube, worker_pool(namespace))
    assert not follower.leads
    assert [str(call) for call in proxy.calls[before:] if call.is_write] == []


def test_clean_stop_hands_over_within_two_seconds(
    kube: Kube, namespace: str, leader: OperatorProcess, follower: OperatorProcess
) -> None:
    leader.signal(signal.SIGTERM)
    assert takeover(kube, namespace, follower, limit=10) < 2
    wait_for(lambda: not leader.running, 15, what="end of the old leader")
    assert leader.terminate() == 0
    assert_works(kube, worker_pool(namespace, replicas=1))


def test_killed_leader_is_replaced_within_fifteen_seconds(
    kube: Kube, namespace: str, leader: OperatorProcess, follower: OperatorProcess
) -> None:
    leader.kill()
    assert takeover(kube, namespace, follower, limit=30) < 15
    assert_works(kube, worker_pool(namespace, replicas=1))


def test_paused_leader_writes_nothing_after_it_goes_on(
    kube: Kube, namespace: str, leader: OperatorProcess, follower: OperatorProcess, proxy: Proxy
) -> None:
    pools = [kube.apply(worker_pool(namespace, f"pool-{number}", replicas=1)) for number in range(30)]
    wait_for(lambda: len(kube.list("Deployment", namespace)) >= 3, 30, what="work under way", poll=0.01)
    leader.signal(signal.SIGSTOP)
    began = time.monotonic()
    assert takeover(kube, namespace, follower, limit=30) < 15
    for pool in pools:
        wait_for_deployment(kube, pool, replicas=1)
    kube.scale("WorkerPool", "pool-0", namespace, 4)  # what the old leader will find on its watches
    wait_for_deployment(kube, pools[0], replicas=4)

    assert time.monotonic() - began > 1, "requests that were on their way have arrived"
    before = len(proxy.calls)
    leader.signal(signal.SIGCONT)
    wait_for(lambda: leader.get("/readyz")[0] == 200, 15, what="an answer of the old leader")
    # It looks at its lease before each write; a pause in the millisecond between that and the sending delays one.
    stays(lambda: len(proxy.writes(before)) <= 1, 5, what="the old leader begins no write")
    wait_for_deployment(kube, pools[0], replicas=4)
    assert not leader.leads
    assert holder(kube, namespace).startswith(follower.name)
    lease_writes = [call for call in proxy.calls[before:] if call.is_write and call.is_lease]
    assert len(lease_writes) <= 1, "a renewal that was under way is refused once"


def test_paused_leader_takes_over_again(
    kube: Kube, namespace: str, leader: OperatorProcess, follower: OperatorProcess
) -> None:
    leader.signal(signal.SIGSTOP)
    takeover(kube, namespace, follower, limit=30)
    leader.signal(signal.SIGCONT)
    wait_for(lambda: leader.get("/readyz")[0] == 200, 15, what="an answer of the old leader")
    follower.terminate()
    takeover(kube, namespace, leader, limit=10)
    assert_works(kube, worker_pool(namespace, replicas=1))
