"""Webhooks that change or deny what the operator writes: told, and not fought."""

from pathlib import Path

from taskfleet.api import Object
from tests.envtest.conditions import condition, events_of, wait_for_condition
from tests.envtest.conftest import StartOperator
from tests.envtest.pools import wait_for_deployment, wait_until_settled, worker_pool
from tests.envtest.proxy import Proxy
from tests.envtest.webhook import webhook
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

RELABEL: Object = {
    "op": "replace",
    "path": "/metadata/labels/taskfleet.dev~1managed",
    "value": "platform",
}


def test_a_label_that_a_webhook_rewrites_is_told_and_written_once(
    kube: Kube, namespace: str, start_operator: StartOperator, proxy: Proxy, tmp_path: Path
) -> None:
    start_operator(through=proxy, RESYNC_INTERVAL="1")
    with webhook(
        kube, namespace, "poddisruptionbudgets", lambda _: [RELABEL], tmp_path / "webhook"
    ) as written:
        pool = {**kube.apply(worker_pool(namespace, replicas=2)), "kind": "WorkerPool"}
        wait_for_deployment(kube, pool, replicas=2)
        wait_until_settled(kube, pool)
        wait_for(lambda: written, 20, what="a budget")
        told = wait_for(
            lambda: [one["message"] for one in events_of(kube, pool) if one["reason"] == "FieldOverridden"],
            20,
            what="an event",
        )
        assert told[0].startswith(
            "metadata.labels.taskfleet.dev/managed of PodDisruptionBudget 'shop-worker'"
        )
        before = len(written)
        stays(lambda: len(written) == before, 6, what="no write at a recheck")


def test_a_denial_is_not_the_specs_fault_and_is_over_with_its_cause(
    kube: Kube, namespace: str, start_operator: StartOperator, tmp_path: Path
) -> None:
    start_operator(RESYNC_INTERVAL="1")
    pool: Object = {"kind": "WorkerPool", **worker_pool(namespace, replicas=2)}
    with webhook(kube, namespace, "poddisruptionbudgets", lambda _: "no budgets today", tmp_path / "webhook"):
        kube.apply(pool)
        denied = wait_for_condition(kube, pool, "Ready", "False", "ApplyFailed", saying="no budgets today")
        assert condition(denied, "Stalled")["status"] == "False"
    wait_for_condition(kube, pool, "Ready", "False", "PodsNotReady", "BrokerNotReady")
