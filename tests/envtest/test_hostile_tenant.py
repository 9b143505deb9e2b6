"""One namespace does all that it can to be in the way; the others notice nothing. `make bench ONLY=hostile` has figures."""

import time
from pathlib import Path

from tests.envtest.brokers import apply_external
from tests.envtest.conditions import condition, wait_for_condition
from tests.envtest.conftest import new_namespace
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import wait_for_deployment, worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.hostile_tenant import hostile_tenant
from tests.tools.kube import Kube
from tests.tools.load.idle import resident_megabytes
from tests.tools.waiting import wait_for

MEMORY_LIMIT_MB = 512  # charts/taskfleet/values.yaml
REACTION_SECONDS = 10.0  # a hundred times the median of docs/reference/performance.md
POLL_FAILED = {
    "elements": "a reply has more than 250000 elements",
    "nested": "a reply has more than 250000 elements",
    "behind-a-text": "a reply has more than 250000 elements",
}
# More bytes than one answer may have, or not all of them in time: the machine's speed decides.
FLOODS = ("endless", "numbers")


def test_a_hostile_tenant_is_told_and_stops_nobody(kubeconfig: Path, kube: Kube, tmp_path: Path) -> None:
    cluster_id = (kube.get("Namespace", "kube-system") or {})["metadata"]["uid"]
    (tmp_path / "spoilt").mkdir()
    (tmp_path / "good").mkdir()
    with (
        new_namespace(kube) as lease_namespace,
        new_namespace(kube) as good,
        new_namespace(kube) as evil,
        RedisServer(tmp_path / "good") as server,
    ):
        operator = OperatorProcess(
            kubeconfig, log_file=tmp_path / "operator.log", lease_namespace=lease_namespace
        ).start()
        try:
            operator.wait_until_leading()
            apply_external(kube, good, server.url)
            made = worker_pool(
                good,
                concurrency=1,
                autoscale={"maxReplicas": 4, "behavior": {"scaleDown": {"stabilizationWindow": "1s"}}},
                template={"spec": {"schedulerName": "none"}},
            )
            pool = {**kube.apply(made), "kind": "WorkerPool"}
            wait_for_deployment(kube, pool, replicas=0)
            holder = _holder(kube, lease_namespace)
            with hostile_tenant(
                kube, evil, tmp_path / "spoilt", cluster_id=cluster_id, operator_port=operator.port
            ) as attack:
                _brokers_say_what_is_wrong(kube, evil)
                with attack:
                    for _ in range(5):
                        server.client.lpush("celery", *["x"] * 4)
                        began = time.monotonic()
                        wait_for_deployment(kube, pool, replicas=4)
                        assert time.monotonic() - began < REACTION_SECONDS
                        server.client.delete("celery")
                        wait_for_deployment(kube, pool, replicas=0)
                    wait_for(lambda: attack.changes > 50, 30, what="fifty changes")
                assert operator.get("/metrics")[0] == 200
                assert operator.get("/healthz")[0] == 200
                assert resident_megabytes(operator.pid) < MEMORY_LIMIT_MB
            assert operator.running
            assert _holder(kube, lease_namespace) == holder
            assert "Traceback" not in operator.log()
        finally:
            operator.kill()


def _holder(kube: Kube, namespace: str) -> tuple[str, int]:
    lease = (kube.get("Lease", "taskfleet-operator", namespace) or {})["spec"]
    return lease["holderIdentity"], lease["leaseTransitions"]


def _brokers_say_what_is_wrong(kube: Kube, namespace: str) -> None:
    def broker(name: str) -> dict[str, object]:
        return {"kind": "Broker", "metadata": {"name": name, "namespace": namespace}}

    for name, said in POLL_FAILED.items():
        seen = wait_for_condition(kube, broker(name), "Ready", "False", "PollFailed", timeout=60)
        assert said in condition(seen, "Ready")["message"]
    for name in FLOODS:
        wait_for_condition(kube, broker(name), "Ready", "False", "PollFailed", "Unreachable", timeout=60)
    for name, reason in {
        "silent": "Unreachable",
        "stranger": "Unreachable",
        "no-host": "InvalidUrl",
        "line-break": "InvalidUrl",
        "link-local": "Unreachable",
    }.items():
        wait_for_condition(kube, broker(name), "Ready", "False", reason, timeout=60)
    seen = wait_for_condition(kube, broker("spoilt"), "ReportsValid", "False", "InvalidReports", timeout=60)
    assert condition(seen, "Ready")["status"] == "True"
