"""Another operator version: what it leaves alone, and how its pods come about."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import condition, wait_for_condition
from tests.envtest.conftest import StartOperator
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pods import kubelet, pods_of
from tests.envtest.pools import wait_for_deployment, worker_pool
from tests.envtest.recording import recorded
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

OLD, NEW = "registry.example/taskfleet-worker:1", "registry.example/taskfleet-worker:2"


def runtime_image(deployment: Object) -> str:
    init = deployment["spec"]["template"]["spec"].get("initContainers") or [{"image": ""}]
    return str(init[0]["image"])


def has_runtime(kube: Kube, pool: Object, image: str) -> bool:
    return runtime_image(wait_for_deployment(kube, pool)) == image


@pytest.fixture
def pools(
    kube: Kube, namespace: str, redis_server: RedisServer, start_operator: StartOperator
) -> list[Object]:
    """Three pools that an operator with the old runtime has built; it runs no more."""
    apply_external(kube, namespace, redis_server.url)
    old = start_operator("old", RUNTIME_IMAGE=OLD).wait_until_leading()
    made = [
        {**kube.apply(worker_pool(namespace, name, replicas=2)), "kind": "WorkerPool"}
        for name in ("a", "b", "c")
    ]
    with kubelet(kube, namespace):
        for pool in made:
            wait_for_condition(kube, pool, "Ready", "True", "Available")
    assert old.terminate() == 0
    return made


def test_a_deployment_with_the_selector_of_an_earlier_version_is_named_and_not_doubled(
    kube: Kube, namespace: str, redis_server: RedisServer, start_operator: StartOperator
) -> None:
    apply_external(kube, namespace, redis_server.url)
    pool = {**kube.apply(worker_pool(namespace, "a", replicas=2)), "kind": "WorkerPool"}
    labels = {"app.kubernetes.io/name": "taskfleet", "taskfleet.dev/pool": "a"}
    owner = {"apiVersion": pool["apiVersion"], "kind": "WorkerPool", "name": "a", "controller": True}
    before = kube.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "a-worker",
                "namespace": namespace,
                "labels": labels,
                "ownerReferences": [{**owner, "uid": pool["metadata"]["uid"]}],
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "worker", "image": "registry.example/app:1"}]},
                },
            },
        }
    )
    start_operator(RUNTIME_IMAGE=NEW, RESYNC_INTERVAL="2")
    sentence = "its selector is that of an earlier version, and Kubernetes does not let a selector change."
    wait_for_condition(kube, pool, "Stalled", "True", "NameConflict", saying=sentence)
    assert [one["metadata"]["uid"] for one in kube.list("Deployment", namespace)] == [
        before["metadata"]["uid"]
    ]
    kube.delete("Deployment", "a-worker", namespace)
    wait_for_condition(kube, pool, "Stalled", "False", timeout=15)
    assert wait_for_deployment(kube, pool)["metadata"]["uid"] != before["metadata"]["uid"]


def upgraded(start_operator: StartOperator, upgrade_pools: str = "Manual") -> OperatorProcess:
    return start_operator("new", RUNTIME_IMAGE=NEW, UPGRADE_POOLS=upgrade_pools).wait_until_leading()


def upgrade(kubeconfig: Path, namespace: str, pool: str) -> str:
    """`kubectl taskfleet upgrade`, as its user runs it."""
    command = [sys.executable, "-m", "taskfleet", "upgrade", pool, "--namespace", namespace]
    result = subprocess.run(
        command,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_pods_stay_until_their_upgrade_is_asked_for_or_their_spec_changes(
    kube: Kube, kubeconfig: Path, namespace: str, pools: list[Object], start_operator: StartOperator
) -> None:
    before = {pod["metadata"]["uid"] for pool in pools for pod in pods_of(kube, pool)}
    with recorded(kube, "Deployment", namespace) as deployments:
        new = upgraded(start_operator)
        for pool in pools:
            told = wait_for_condition(kube, pool, "UpToDate", "False", "PodTemplateOutdated")
            name = pool["metadata"]["name"]
            assert f"`kubectl taskfleet upgrade wp/{name}`" in condition(told, "UpToDate")["message"]
            assert condition(told, "Ready")["status"] == "True"
    assert {runtime_image(one) for one in deployments.objects} <= {OLD}
    assert {pod["metadata"]["uid"] for pool in pools for pod in pods_of(kube, pool)} == before

    a, b, c = pools
    kube.scale("WorkerPool", "c", namespace, 4)
    wait_for_deployment(kube, c, replicas=4)
    kube.patch("WorkerPool", "c", namespace, {"spec": {"suspend": True}})
    wait_for_deployment(kube, c, replicas=0)
    wait_for_condition(kube, c, "UpToDate", "False")

    assert "replaced in turn" in upgrade(kubeconfig, namespace, "wp/a")
    wait_for(lambda: has_runtime(kube, a, NEW), 20, what="the new runtime in a")
    kube.patch("WorkerPool", "b", namespace, {"spec": {"image": "registry.example/app:2"}})
    wait_for_deployment(kube, b, image="registry.example/app:2")
    assert has_runtime(kube, b, NEW)
    with kubelet(kube, namespace):
        for pool in (a, b):
            wait_for_condition(kube, pool, "UpToDate", "True")
            wait_for_condition(kube, pool, "Ready", "True")
    assert has_runtime(kube, c, OLD)

    # Back to the version before: what it built is up to date, and what the other one built stays.
    new.terminate()
    start_operator("old-again", RUNTIME_IMAGE=OLD)
    wait_for_condition(kube, c, "UpToDate", "True")
    for pool in (a, b):
        wait_for_condition(kube, pool, "UpToDate", "False")
        assert has_runtime(kube, pool, NEW)


def test_pools_are_upgraded_one_after_another_and_a_new_spec_does_not_wait(
    kube: Kube, namespace: str, pools: list[Object], start_operator: StartOperator
) -> None:
    upgraded(start_operator, "OneAtATime")

    def with_new_runtime() -> list[str]:
        return [pool["metadata"]["name"] for pool in pools if has_runtime(kube, pool, NEW)]

    first = wait_for(with_new_runtime, 20, what="a first pool")
    # Its new pods do not become ready, so nobody else begins.
    stays(lambda: with_new_runtime() == first and len(first) == 1, 5, what="one pool at a time")
    other = next(pool["metadata"]["name"] for pool in pools if pool["metadata"]["name"] not in first)
    kube.patch("WorkerPool", other, namespace, {"spec": {"image": "registry.example/app:2"}})
    wait_for(lambda: set(with_new_runtime()) == {*first, other}, 20, what="the changed spec's rollout")

    with kubelet(kube, namespace):
        for pool in pools:
            wait_for_condition(kube, pool, "UpToDate", "True", timeout=40)
            wait_for_condition(kube, pool, "Reconciling", "False", timeout=40)
            wait_for_condition(kube, pool, "Ready", "True", timeout=40)
