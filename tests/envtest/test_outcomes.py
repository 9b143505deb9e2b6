"""The outcomes of tasks are metrics of whoever leads, from the totals in a real Redis."""

import signal

from tests.envtest.brokers import apply_external
from tests.envtest.conftest import StartOperator
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

# Three readings: the totals of an active pool are read every 10 s.
_PATIENCE_SECONDS = 30


def test_the_next_leader_goes_on_with_the_totals_of_tasks(
    kube: Kube, namespace: str, redis_server: RedisServer, start_operator: StartOperator
) -> None:
    apply_external(kube, namespace, redis_server.url)
    pool = kube.apply(worker_pool(namespace, "shop", replicas=0))
    # An operator of one namespace names its keys by that, as it may not read kube-system.
    own = kube.get("Namespace", namespace) or {}
    key = f"taskfleet:{own['metadata']['uid']}:{namespace}"
    uid = pool["metadata"]["uid"]
    labels = {"namespace": namespace, "pool": "shop", "name": "shop.pay", "queue_name": "celery"}

    def counted(succeeded: int) -> None:
        """As a worker does, which reports each end first."""
        report = f'{{"seq":{succeeded},"v":1,"state":"ready","active":{succeeded}}}'
        redis_server.client.hset(f"{key}:reports", f"{uid}/shop-1/s1", report)
        redis_server.client.hset(f"{key}:outcomes:{uid}", "succeeded\nshop.pay\ncelery\n", succeeded)

    def exports(operator: OperatorProcess, succeeded: int) -> None:
        wait_for(
            lambda: operator.metric("celery_task_succeeded_total", labels) == succeeded,
            _PATIENCE_SECONDS,
            what=f"{succeeded} tasks",
        )

    first = start_operator("first").wait_until_leading()
    second = start_operator("second").wait_until_ready()
    counted(3)
    exports(first, 3)
    counted(5)
    exports(first, 5)
    assert second.metric("celery_task_succeeded_total", labels) == 0, "only the leader exports them"
    first.signal(signal.SIGTERM)
    exports(second, 5)
    kube.delete("WorkerPool", "shop", namespace)
    exports(second, 0)
