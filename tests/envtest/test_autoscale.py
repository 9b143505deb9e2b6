"""Pools that follow their queues, on a real API server and a real Redis. No pod ever starts here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import condition, wait_for_condition
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import wait_for_deployment, worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for


class Load:
    """A pool of 0 to 3 pods, its queue, and what waits in it."""

    def __init__(self, kube: Kube, namespace: str, server: RedisServer) -> None:
        self.kube, self.namespace, self._redis = kube, namespace, server.client
        apply_external(kube, namespace, server.url)

    def pool(self, **autoscale: object) -> Object:
        scale = {"maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindow": "1s"}}, **autoscale}
        pool = self.kube.apply(worker_pool(self.namespace, queues=[self.namespace], autoscale=scale))
        return {**pool, "kind": "WorkerPool"}

    def waits(self, count: int) -> None:
        with self._redis.pipeline() as pipe:
            pipe.delete(self.namespace)
            pipe.lpush(self.namespace, *["task"] * count) if count else None
            pipe.execute()

    def status(self) -> Object:
        live = self.kube.get("WorkerPool", "shop", self.namespace) or {}
        status: Object = live.get("status") or {}
        return status


@pytest.fixture
def load(kube: Kube, namespace: str, redis_server: RedisServer) -> Load:
    return Load(kube, namespace, redis_server)


pytestmark = pytest.mark.usefixtures("shared_operator")


def test_the_size_follows_the_queue_up_to_the_maximum_and_back(kube: Kube, load: Load) -> None:
    pool = load.pool()
    wait_for_deployment(kube, pool, replicas=0)
    load.waits(2)
    wait_for_deployment(kube, pool, replicas=2)
    assert (
        condition(wait_for_condition(kube, pool, "ScalingLimited", "False"), "ScalingActive")["status"]
        == "True"
    )
    load.waits(9)
    wait_for_deployment(kube, pool, replicas=3)
    limited = wait_for_condition(kube, pool, "ScalingLimited", "True", "TooManyReplicas")
    assert (
        "9 waiting + 0 running at 1 per pod: 9 pods; limited by maxReplicas 3"
        in (condition(limited, "ScalingLimited")["message"])
    )
    load.waits(0)
    wait_for_deployment(kube, pool, replicas=0)
    wait_for_condition(kube, pool, "ScalingLimited", "False", "DesiredWithinRange")


def test_a_policy_limits_a_step_and_says_so(kube: Kube, load: Load) -> None:
    policy = {"type": "Pods", "value": 1, "period": "1m"}
    pool = load.pool(behavior={"scaleUp": {"policies": [policy]}})
    load.waits(3)
    limited = wait_for_condition(kube, pool, "ScalingLimited", "True", "ScaleUpLimit")
    assert "behavior.scaleUp allows 1 pod per 1m" in condition(limited, "ScalingLimited")["message"]
    wait_for_deployment(kube, pool, replicas=1)


def test_somebody_elses_size_of_a_pool_that_scales_is_put_back(kube: Kube, load: Load) -> None:
    pool = load.pool()
    load.waits(2)
    wait_for_deployment(kube, pool, replicas=2)
    kube.scale("Deployment", "shop-worker", load.namespace, 3)
    wait_for_deployment(kube, pool, replicas=2)


def test_recommend_decides_says_so_and_changes_nothing_and_hold_keeps_the_size(
    kube: Kube, load: Load
) -> None:
    pool = load.pool(mode="Recommend")
    load.waits(2)
    told = wait_for_condition(
        kube, pool, "ScalingActive", "False", "ScalingDisabled", saying="Recommend: 2 waiting"
    )
    assert told["status"]["desiredReplicas"] == 2
    assert told["status"]["lastDecision"].items() >= {"from": 0, "to": 2, "reason": "Demand"}.items()
    assert wait_for_deployment(kube, pool)["spec"]["replicas"] == 0

    load.pool(mode="Auto")
    wait_for_deployment(kube, pool, replicas=2)
    load.pool(mode="Hold")
    wait_for_condition(
        kube, pool, "ScalingActive", "False", "ScalingDisabled", saying="autoscale.mode is Hold"
    )
    load.waits(0)
    wait_for(lambda: load.status().get("desiredReplicas") == 0, 20, what="the decision to have no pod")
    assert wait_for_deployment(kube, pool)["spec"]["replicas"] == 2

    load.pool(mode="Auto")
    wait_for_deployment(kube, pool, replicas=0)


def test_the_figures_of_a_pool_are_metrics_until_it_is_gone(
    kube: Kube, load: Load, shared_operator: OperatorProcess
) -> None:
    pool = load.pool()
    load.waits(9)
    wait_for_deployment(kube, pool, replicas=3)
    labels = {"namespace": load.namespace, "pool": "shop"}

    def figure(name: str) -> float:
        return shared_operator.metric(f"taskfleet_{name}", labels)

    wait_for(lambda: figure("pool_oldest_message_age_seconds"), 30, what="the age of the oldest message")
    told = {
        name: figure(f"pool_{name}") for name in ("desired_replicas", "ready_replicas", "waiting_messages")
    }
    assert told == {"desired_replicas": 3, "ready_replicas": 0, "waiting_messages": 9}
    assert figure("scaling_decisions_total") >= 1
    assert figure("busy_pods_removed_total") == 0
    assert shared_operator.metric("taskfleet_reaction_seconds_count") >= 1
    assert shared_operator.metric("taskfleet_poll_seconds_count") >= 1
    series = f'namespace="{load.namespace}",pool="shop"'
    assert series in shared_operator.get("/metrics")[1]
    kube.delete("WorkerPool", "shop", load.namespace)
    wait_for(lambda: series not in shared_operator.get("/metrics")[1], 20, what="the end of its series")


def test_explain_falls_back_to_the_status_where_the_operator_runs_in_no_pod(
    kubeconfig: Path, load: Load, shared_operator: OperatorProcess
) -> None:
    load.pool()
    load.waits(2)
    wait_for(lambda: load.status().get("lastDecision", {}).get("to") == 2, 20, what="the decision")
    said = subprocess.run(
        [
            *(sys.executable, "-m", "taskfleet", "explain", "wp/shop", f"--namespace={load.namespace}"),
            f"--lease-namespace={shared_operator.lease_namespace}",
        ],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    head, row = said.stdout.splitlines()
    assert head.split() == ["TIME", "FROM", "TO", "REASON", "BECAUSE"]
    assert row.split()[1:4] == ["0", "2", "Demand"]
    assert 'serviceaccounts "taskfleet-operator-client" not found' in said.stderr
