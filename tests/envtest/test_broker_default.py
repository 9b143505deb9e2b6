"""The Broker `default` that appears by itself: when it does, when not, and what a user's own makes of it."""

from pathlib import Path

import pytest
import yaml

from taskfleet.api import Object
from tests.envtest.brokers import broker, secret
from tests.envtest.conditions import condition, wait_for_condition
from tests.envtest.conftest import StartOperator
from tests.envtest.pools import wait_for_deployment, worker_pool
from tests.tools.cluster import kubectl
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

AUTO_CREATED = "taskfleet.dev/auto-created"


def applied(kube: Kube, namespace: str, broker: str = "default") -> Object:
    return {**kube.apply(worker_pool(namespace, brokerRef={"name": broker})), "kind": "WorkerPool"}


def default(kube: Kube, namespace: str) -> Object | None:
    return kube.get("Broker", "default", namespace)


# The first, because the shared operator makes one everywhere and runs from its first use to the end of the module.
def test_appears_nowhere_where_the_installation_says_so(
    kube: Kube, namespace: str, start_operator: StartOperator
) -> None:
    start_operator(AUTO_CREATE_BROKER="false").wait_until_leading()
    pool = applied(kube, namespace)
    wait_for_condition(
        kube,
        pool,
        "Ready",
        "False",
        "BrokerMissing",
        saying="this installation does not create it automatically. Create the Broker.",
    )
    assert default(kube, namespace) is None
    kube.apply(broker(namespace))
    wait_for_deployment(kube, pool)


@pytest.mark.usefixtures("shared_operator")
class TestAppears:
    def test_and_a_users_own_merges_over_it(self, kube: Kube, kubeconfig: Path, namespace: str) -> None:
        applied(kube, namespace)
        made = wait_for(lambda: default(kube, namespace), 20, what="a Broker") or {}
        assert made["metadata"]["annotations"][AUTO_CREATED] == "true"
        assert made["spec"].get("external") is None
        wait_for(lambda: kube.get("StatefulSet", "default-broker", namespace), 20, what="its Redis")

        own = broker(namespace, redis={"maxMemory": "1Gi"}, visibilityTimeout="2h")
        arguments = ["apply", "--server-side", "--filename=-"]
        result = kubectl.run(kubeconfig, *arguments, stdin=yaml.safe_dump(own))
        assert result.returncode == 0, result.stderr
        merged = default(kube, namespace) or {}
        assert merged["metadata"]["uid"] == made["metadata"]["uid"]
        assert merged["spec"].items() >= {"visibilityTimeout": "2h"}.items()
        assert merged["spec"]["redis"]["maxMemory"] == "1Gi"

        def configured() -> bool:
            config = kube.get("ConfigMap", "default-broker", namespace) or {}
            return "maxmemory 1073741824\n" in config["data"]["redis.conf"]

        wait_for(configured, 20, what="the user's maxMemory")

    def test_never_over_one_that_is_there(self, kube: Kube, namespace: str) -> None:
        own = kube.apply(broker(namespace, visibilityTimeout="2h"))
        pool = applied(kube, namespace)
        wait_for_deployment(kube, pool)
        live = default(kube, namespace) or {}
        assert live["metadata"]["uid"] == own["metadata"]["uid"]
        assert AUTO_CREATED not in live["metadata"].get("annotations", {})

    def test_again_when_nothing_of_the_one_before_is_kept(self, kube: Kube, namespace: str) -> None:
        first = kube.apply(broker(namespace, redis={"storage": {"retainOnDelete": False}}))
        pool = applied(kube, namespace)
        wait_for_deployment(kube, pool)
        wait_for(lambda: kube.get("Secret", "default-broker-auth", namespace), 20, what="its password")
        kube.delete("Broker", "default", namespace)

        def other() -> bool:
            live = default(kube, namespace)
            return live is not None and live["metadata"]["uid"] != first["metadata"]["uid"]

        wait_for(other, 20, what="another Broker")


@pytest.mark.usefixtures("shared_operator")
class TestDoesNotAppear:
    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            pytest.param("Secret", "default-broker-auth", id="password"),
            pytest.param("PersistentVolumeClaim", "data-default-broker-0", id="volume"),
        ],
    )
    def test_while_something_of_a_deleted_one_is_kept(
        self, kube: Kube, namespace: str, kind: str, name: str
    ) -> None:
        kube.create(leftover(kind, name, namespace))
        pool = applied(kube, namespace)
        told = wait_for_condition(
            kube, pool, "Ready", "False", "BrokerMissing", saying=f"{kind} '{name}' of a deleted"
        )
        message = condition(told, "Ready")["message"]
        assert "Create the Broker to reuse its messages, or delete" in message
        assert condition(told, "Stalled")["status"] == "False"
        stays(lambda: default(kube, namespace) is None, 1, what="no Broker")

        kube.delete(kind, name, namespace)
        wait_for(lambda: default(kube, namespace), 20, what="a Broker")
        wait_for_deployment(kube, pool)

    def test_and_a_users_own_goes_on_with_what_is_kept(self, kube: Kube, namespace: str) -> None:
        kube.create(leftover("Secret", "default-broker-auth", namespace))
        pool = applied(kube, namespace)
        wait_for_condition(kube, pool, "Ready", "False", "BrokerMissing")
        kube.apply(broker(namespace))
        wait_for_deployment(kube, pool)
        auth = wait_for(lambda: kube.get("Secret", "default-broker-auth", namespace), 10) or {}
        assert auth["data"]["password"] == secret("", "", password="kept")["data"]["password"]

    def test_under_another_name(self, kube: Kube, namespace: str) -> None:
        pool = applied(kube, namespace, "orders")
        wait_for_condition(
            kube, pool, "Ready", "False", "BrokerMissing", saying="spec.brokerRef.name is 'orders'"
        )
        kube.apply(broker(namespace, "orders"))
        wait_for_deployment(kube, pool)
        assert default(kube, namespace) is None

    def test_when_the_one_of_running_workers_goes(self, kube: Kube, namespace: str) -> None:
        pool = applied(kube, namespace)
        wait_for_condition(kube, pool, "Ready", "False", "BrokerNotReady", "PodsNotReady")
        before = wait_for_deployment(kube, pool)
        wait_for(lambda: kube.get("Secret", "default-broker-auth", namespace), 20, what="its password")
        kube.delete("Broker", "default", namespace)
        wait_for_condition(kube, pool, "Ready", "False", "BrokerMissing")
        assert wait_for_deployment(kube, pool)["spec"] == before["spec"]


def leftover(kind: str, name: str, namespace: str) -> Object:
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": {"taskfleet.dev/broker": "default"},
        "annotations": {"taskfleet.dev/retained-from": "a-uid"},
    }
    if kind == "Secret":
        return {**secret(namespace, name, password="kept"), "metadata": metadata}
    resources = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": resources}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}
