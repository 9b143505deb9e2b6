"""An operator that has nothing to do writes nothing but its Lease."""

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import wait_for_condition
from tests.envtest.conftest import StartOperator
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

_POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")
_RESYNC_SECONDS = 0.5


def manifest(namespace: str) -> list[Object]:
    """One pool of each type, so that what the API server stores differently from what it was sent shows."""
    plain = [worker_pool(namespace, name, pool=name, replicas=2) for name in _POOLS]
    template = {
        "metadata": {"annotations": {"example.com/team": "shop"}},
        "spec": {
            "containers": [{"name": "worker", "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}}],
            "tolerations": [{"key": "spot", "operator": "Exists"}],
            "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "1024Mi"}}],
        },
    }
    return [*plain, worker_pool(namespace, "custom", replicas=0, template=template, timeLimit="90s")]


def settle(kube: Kube, proxy: Proxy, pools: list[Object]) -> None:
    """Return when all is made and the counters that are written late have been written."""
    for pool in pools:
        wait_for_deployment(kube, pool)
        wait_until_settled(kube, pool)
    quiet(proxy, seconds=12)


def quiet(proxy: Proxy, *, seconds: float) -> None:
    """Return when nothing has been written for some time, which is longer than counters are held back."""
    seen = -1

    def unchanged() -> bool:
        nonlocal seen
        before, seen = seen, len(proxy.writes())
        return before == seen

    wait_for(unchanged, 90, what="quiet", poll=seconds)


def rests(proxy: Proxy, since: int, seconds: float) -> None:
    """Assert that nothing is written for some time; an error says what was."""
    try:
        stays(lambda: not proxy.writes(since), seconds, what="no write at rest")
    except AssertionError as error:
        raise AssertionError(f"{error}: {proxy.writes(since)}") from None


def resyncs(proxy: Proxy, since: int) -> int:
    """Lists of pools, of which each resync makes one and the start of a watch another."""
    return sum(call.verb == "list" and call.resource == "workerpools" for call in proxy.calls[since:])


def assert_no_writes(proxy: Proxy, since: int) -> None:
    assert [str(call) for call in proxy.writes(since)] == []


def test_same_manifest_restart_and_ten_resyncs_write_nothing(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    operator = start_operator(through=proxy, RESYNC_INTERVAL=str(_RESYNC_SECONDS))
    pools = [kube.apply(pool) for pool in manifest(namespace)]
    settle(kube, proxy, pools)
    before = len(proxy.calls)

    for pool in manifest(namespace):
        kube.apply(pool)
    wait_for(lambda: resyncs(proxy, before) >= 10, 60, what="ten resyncs")
    assert_no_writes(proxy, before)

    operator.terminate()
    operator.start().wait_until_leading()
    again = len(proxy.calls)
    wait_for(lambda: resyncs(proxy, again) >= 10, 60, what="ten resyncs after the restart")
    rests(proxy, before, 12)
    assert looked_at_everything(operator, len(pools))
    assert_no_writes(proxy, before)


def looked_at_everything(operator: OperatorProcess, pools: int) -> bool:
    return operator.metric("taskfleet_reconcile_total", {"kind": "WorkerPool", "outcome": "done"}) >= pools


def test_a_tools_label_and_foreign_status_of_a_pool_change_no_child(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy
) -> None:
    start_operator(through=proxy)
    pool = kube.apply(worker_pool(namespace, replicas=1))
    settle(kube, proxy, [pool])
    before = len(proxy.calls)
    kube.patch("WorkerPool", "shop", namespace, {"metadata": {"labels": {"example.com/team": "shop"}}})
    kube.patch("WorkerPool", "shop", namespace, {"status": {"waiting": 7}}, subresource="status")
    quiet(proxy, seconds=3)
    touched = {call.resource for call in proxy.writes(before)}
    assert touched <= {"workerpools/status"}


def test_many_brokers_on_one_server_write_nothing_at_rest(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy, redis_server: RedisServer
) -> None:
    start_operator(through=proxy, RESYNC_INTERVAL="1")
    for number in range(20):
        apply_external(kube, namespace, redis_server.url, name=f"b{number}")
    for number in range(20):
        one: Object = {"kind": "Broker", "metadata": {"name": f"b{number}", "namespace": namespace}}
        wait_for_condition(kube, one, "Ready", "True", "Reachable", timeout=60)
    quiet(proxy, seconds=12)
    before = len(proxy.calls)
    rests(proxy, before, 30)
