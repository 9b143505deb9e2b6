"""A Redis that the operator runs: its password and volume through the life of Brokers, and its changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import broker, decoded, external_broker
from tests.envtest.conditions import condition, events_of, wait_for_condition, warnings_of
from tests.envtest.pods import kubelet, not_ready, ready, set_status, wait_for_pod, waiting
from tests.envtest.pools import worker_pool
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

AUTH, CONNECTION = "shop-broker-auth", "shop-broker-connection"
CLAIM = "data-shop-broker-0"

pytestmark = pytest.mark.usefixtures("shared_operator")


def applied(kube: Kube, namespace: str, **redis: Any) -> Object:
    """The Broker `shop`, once all its children are there."""
    made = {**kube.apply(broker(namespace, "shop", redis=redis)), "kind": "Broker"}
    wait_for(lambda: owner_uid(kube, "StatefulSet", "shop-broker", namespace) == made["metadata"]["uid"], 30)
    return made


def owner_uid(kube: Kube, kind: str, name: str, namespace: str) -> str | None:
    live = kube.get(kind, name, namespace) or {"metadata": {}}
    references = live["metadata"].get("ownerReferences") or [{"uid": None}]
    uid: str | None = references[0]["uid"]
    return uid


def password(kube: Kube, namespace: str, name: str = AUTH) -> str:
    found = wait_for(lambda: kube.get("Secret", name, namespace), 20, what=name) or {}
    return decoded(found)["password"]


def gone(kube: Kube, kind: str, name: str, namespace: str) -> None:
    wait_for(lambda: kube.get(kind, name, namespace) is None, 30, what=f"end of {kind} {name}")


def storage(retain: bool) -> Object:
    return {"storage": {"retainOnDelete": retain}}


class TestPassword:
    def test_outlives_its_broker_and_is_found_by_the_next(self, kube: Kube, namespace: str) -> None:
        first = applied(kube, namespace)
        before = password(kube, namespace)
        kube.delete("Broker", "shop", namespace)
        for kind in ("StatefulSet", "Service", "ConfigMap"):
            gone(kube, kind, "shop-broker", namespace)
        gone(kube, "Secret", CONNECTION, namespace)
        kept = (kube.get("Secret", AUTH, namespace) or {})["metadata"]
        assert kept["annotations"]["taskfleet.dev/retained-from"] == first["metadata"]["uid"]

        second = applied(kube, namespace)
        assert password(kube, namespace) == before == password(kube, namespace, CONNECTION)
        told = wait_for_condition(kube, second, "Stalled", "False")
        assert condition(told, "Ready")["reason"] != "NameConflict"

    def test_goes_with_a_broker_that_keeps_nothing(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace, **storage(False))
        before = password(kube, namespace)
        assert owner_uid(kube, "Secret", AUTH, namespace) == made["metadata"]["uid"]
        live = kube.get("StatefulSet", "shop-broker", namespace) or {}
        assert live["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
        kube.delete("Broker", "shop", namespace)
        gone(kube, "Secret", AUTH, namespace)
        applied(kube, namespace, **storage(False))
        assert password(kube, namespace) != before

    def test_of_a_broker_made_again_at_once_is_no_conflict(self, kube: Kube, namespace: str) -> None:
        applied(kube, namespace, **storage(False))
        kube.delete("Broker", "shop", namespace)
        second = applied(kube, namespace, **storage(False))
        assert owner_uid(kube, "Secret", AUTH, namespace) == second["metadata"]["uid"]
        assert password(kube, namespace) == password(kube, namespace, CONNECTION)
        assert [text for text in warnings_of(kube, second) if "NameConflict" in text] == []

    def test_follows_a_change_of_mind_about_keeping_it(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace)
        before = password(kube, namespace)
        for retain, owner in ((False, made["metadata"]["uid"]), (True, None)):
            kube.patch("Broker", "shop", namespace, {"spec": {"redis": storage(retain)}})
            wait_for(
                lambda owner=owner: owner_uid(kube, "Secret", AUTH, namespace) == owner,  # type: ignore[misc]
                20,
                what=f"owner of the password while retainOnDelete is {retain}",
            )
        assert password(kube, namespace) == before

    def test_is_never_replaced_while_redis_uses_it(self, kube: Kube, namespace: str) -> None:
        applied(kube, namespace)
        before = password(kube, namespace)
        kube.delete("Secret", AUTH, namespace)
        assert password(kube, namespace) == before
        kube.delete("Secret", CONNECTION, namespace)
        assert password(kube, namespace, CONNECTION) == before


class TestStatus:
    def test_names_the_address_and_the_secret_to_connect_with(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace)
        told = wait_for_condition(kube, made, "Ready", "False", "Starting")
        host = f"shop-broker.{namespace}.svc"
        assert told["status"]["endpoint"] == f"{host}:6379"
        assert told["status"]["binding"] == {"name": CONNECTION}
        connection = kube.get("Secret", CONNECTION, namespace) or {}
        assert connection["type"] == "servicebinding.io/redis"
        secret = password(kube, namespace)
        assert decoded(connection) == {
            "type": "redis",
            "provider": "taskfleet",
            "host": host,
            "port": "6379",
            "username": "default",
            "password": secret,
            "uri": f"redis://:{secret}@{host}:6379/0",
            "url": f"redis://:{secret}@{host}:6379/0",
        }

    def test_tells_why_its_pod_does_not_start(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace, image="registry.example/redis:none")
        pod = wait_for_pod(kube, made)
        set_status(kube, pod, not_ready(pod, container="redis", state=waiting("ErrImagePull", "not found")))
        wait_for_condition(
            kube, made, "Ready", "False", "ImagePullFailed", saying="'registry.example/redis:none'"
        )

    def test_of_a_template_that_cannot_be_built_is_stalled(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace)
        before = kube.get("StatefulSet", "shop-broker", namespace) or {}
        template = {"spec": {"containers": [{"name": "redis", "$patch": "delete"}]}}
        kube.patch("Broker", "shop", namespace, {"spec": {"redis": {"template": template}}})
        wait_for_condition(
            kube, made, "Stalled", "True", "InvalidSpec", saying="spec.redis.template.spec.containers[0]"
        )
        assert (kube.get("StatefulSet", "shop-broker", namespace) or {})["spec"] == before["spec"]

    def test_of_a_redis_out_of_reach_asks_about_the_network(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace)
        with kubelet(kube, namespace):  # no name server here knows the Service
            wait_for_condition(kube, made, "Ready", "False", "Unreachable", saying="network policies")
        assert "Starting" in {event["reason"] for event in events_of(kube, made)}


class TestChanges:
    def test_of_its_memory_restart_redis_with_it(self, kube: Kube, namespace: str) -> None:
        applied(kube, namespace)
        before = pod_template(kube, namespace)
        kube.patch("Broker", "shop", namespace, {"spec": {"redis": {"maxMemory": "512Mi"}}})

        def configured() -> bool:
            config = kube.get("ConfigMap", "shop-broker", namespace) or {}
            return "maxmemory 536870912\n" in config["data"]["redis.conf"]

        wait_for(configured, 20, what="the new limit in redis.conf")
        wait_for(lambda: pod_template(kube, namespace) != before, 20, what="another pod template")

    def test_volume_grows_as_far_as_its_class_allows(self, kube: Kube, namespace: str) -> None:
        made = applied(kube, namespace, storage={"size": "1Gi", "storageClassName": "growing"})
        claim = bound_claim(kube, namespace)
        change = {"spec": {"redis": {"storage": {"size": "2Gi"}}}}
        kube.patch("Broker", "shop", namespace, change)
        told = wait_for_condition(
            kube, made, "Reconciling", "True", saying="The volume cannot be resized from 1Gi to 2Gi"
        )
        assert "storageclass" in condition(told, "Reconciling")["message"]
        assert condition(told, "Stalled")["status"] == "False"

        with storage_class(kube, "growing"):
            wait_for(lambda: size_of(kube, claim) == "2Gi", 20, what="a larger claim")
        assert (kube.get("StatefulSet", "shop-broker", namespace) or {})["metadata"]["generation"] == 1

    def test_to_an_external_broker_end_the_redis_when_its_last_worker_has_gone(
        self, kube: Kube, namespace: str
    ) -> None:
        applied(kube, namespace)
        before = password(kube, namespace)
        claim = wait_for(lambda: kube.get("PersistentVolumeClaim", CLAIM, namespace), 20, what="a claim")
        pool = worker_pool(namespace, brokerRef={"name": "shop"}, replicas=1)
        worker = wait_for_pod(kube, {**kube.apply(pool), "kind": "WorkerPool"})
        set_status(kube, worker, ready(worker))
        external = external_broker(namespace, "shop")["spec"]
        kube.patch("Broker", "shop", namespace, {"spec": {**external, "redis": None}})
        stays(lambda: kube.get("StatefulSet", "shop-broker", namespace), 4, what="a Redis that is used")
        with kubelet(kube, namespace):
            for kind in ("StatefulSet", "Service", "ConfigMap"):
                gone(kube, kind, "shop-broker", namespace)

        kube.patch("Broker", "shop", namespace, {"spec": {"external": None}})
        wait_for(lambda: kube.get("StatefulSet", "shop-broker", namespace), 20, what="the Redis again")
        assert password(kube, namespace) == before
        same = kube.get("PersistentVolumeClaim", CLAIM, namespace) or {}
        assert same["metadata"]["uid"] == (claim or {})["metadata"]["uid"]


def bound_claim(kube: Kube, namespace: str) -> Object:
    """The claim, as the controller of a real volume leaves it."""
    claim = wait_for(lambda: kube.get("PersistentVolumeClaim", CLAIM, namespace), 20, what="a claim") or {}
    status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    kube.patch("PersistentVolumeClaim", CLAIM, namespace, {"status": status}, subresource="status")
    return claim


def size_of(kube: Kube, claim: Object) -> str:
    live = kube.get("PersistentVolumeClaim", CLAIM, claim["metadata"]["namespace"]) or {}
    return str(live["spec"]["resources"]["requests"]["storage"])


@contextmanager
def storage_class(kube: Kube, name: str) -> Iterator[None]:
    path = "/apis/storage.k8s.io/v1/storageclasses"
    body = {"metadata": {"name": name}, "provisioner": "none.example", "allowVolumeExpansion": True}
    kube.request("POST", path, body)
    yield
    kube.request("DELETE", f"{path}/{name}")


def pod_template(kube: Kube, namespace: str) -> Object:
    template: Object = (kube.get("StatefulSet", "shop-broker", namespace) or {})["spec"]["template"]
    return template


def test_network_policy_admits_taskfleet_and_whom_the_user_names_and_goes_when_it_is_no_more_wanted(
    kube: Kube, namespace: str
) -> None:
    web = {"podSelector": {"matchLabels": {"app": "web"}}}
    applied(kube, namespace, networkPolicy={"admit": [web]})
    policy = wait_for(lambda: kube.get("NetworkPolicy", "shop-broker", namespace), 20, what="a policy") or {}
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"][0] == {"podSelector": {"matchLabels": {"taskfleet.dev/managed": "true"}}}
    assert rule["from"][-1] == web
    assert rule["ports"] == [{"port": 6379, "protocol": "TCP"}]
    redis = (kube.get("StatefulSet", "shop-broker", namespace) or {})["spec"]["template"]["metadata"][
        "labels"
    ]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= redis.items()
    kube.patch("Broker", "shop", namespace, {"spec": {"redis": {"networkPolicy": None}}})
    gone(kube, "NetworkPolicy", "shop-broker", namespace)
