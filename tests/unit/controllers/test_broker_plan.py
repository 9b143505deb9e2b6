"""What a Broker becomes, decided from what is known: no cluster, no Redis."""

from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Broker, Key, Object
from taskfleet.controllers.broker_plan import (
    ConnectionInputs,
    RedisInputs,
    plan_connection,
    plan_end_of_redis,
    plan_redis,
    plan_stuck_pods,
)
from taskfleet.controllers.plan import Apply, DeletePod, GrowVolume, Plan
from taskfleet.controllers.redis_image import image_of
from tests.unit.objects import NAMESPACE, broker, metadata
from tests.unit.resources.objects import INSTALLATION

CLAIM = Key("PersistentVolumeClaim", NAMESPACE, "data-default-broker-0")


def managed(**redis: Any) -> Broker:
    return Broker.parse(broker(redis=redis))


def redis(**spec: Any) -> RedisInputs:
    return RedisInputs(managed(**spec), INSTALLATION)


def applied(plan: Plan) -> Apply:
    (child,) = plan.children
    assert isinstance(child, Apply)
    return child


def test_the_connections_secret_comes_after_the_service_and_no_password_is_printed() -> None:
    inputs = ConnectionInputs(managed(), INSTALLATION, password="hunter2")
    plan = plan_connection(inputs)
    assert [str(child.key) for child in plan.children] == [
        "Secret shop/default-broker-auth",
        "ConfigMap shop/default-broker",
        "Service shop/default-broker",
        "Secret shop/default-broker-connection",
        "NetworkPolicy shop/default-broker",
    ]
    assert "hunter2" not in repr((inputs, plan))


def test_a_redis_that_memory_does_not_know_is_planned_again_where_there_is_one() -> None:
    assert applied(plan_redis(redis())).new


def test_a_volume_grows_by_its_claim_and_never_by_the_template() -> None:
    live = applied(plan_redis(redis())).built
    plan = plan_redis(replace(redis(storage={"size": "9Gi"}), stateful_set=live))
    assert plan.requests == (GrowVolume(CLAIM, "9Gi"),)
    assert repr(plan).endswith("; grow PersistentVolumeClaim shop/data-default-broker-0 to 9Gi")
    claims = applied(plan).built["spec"]["volumeClaimTemplates"]
    assert claims == live["spec"]["volumeClaimTemplates"]
    assert plan_redis(replace(redis(), stateful_set=live)).requests == ()


@pytest.mark.parametrize(
    ("may", "image"),
    [
        pytest.param(False, "registry.test/redis:7", id="waits"),
        pytest.param(True, "registry.test/redis:8", id="its-turn"),
    ],
)
def test_a_redis_gets_the_operators_new_image_in_its_turn(may: bool, image: str) -> None:
    live = applied(plan_redis(redis())).built
    newer = replace(INSTALLATION, redis_image="registry.test/redis:8")
    child = applied(plan_redis(RedisInputs(managed(), newer, live, may_take_image=may)))
    assert (image_of(child.built), child.waits is None) == (image, may)


def stateful_set(*, observed: int = 2) -> Object:
    return {
        "metadata": metadata("default-broker", generation=2),
        "status": {"observedGeneration": observed, "updateRevision": "new"},
    }


def redis_pod(*, revision: str, running: bool = False) -> Object:
    state = {"running": {}} if running else {"waiting": {"reason": "ImagePullBackOff"}}
    status = {"containerStatuses": [{"name": "redis", "state": state}]}
    labels = {"controller-revision-hash": revision}
    return {"kind": "Pod", "metadata": metadata("default-broker-0", labels=labels), "status": status}


@pytest.mark.parametrize(
    ("pod", "observed", "goes"),
    [
        pytest.param(redis_pod(revision="old"), 2, True, id="cannot-start-and-is-old"),
        pytest.param(redis_pod(revision="old", running=True), 2, False, id="runs"),
        pytest.param(redis_pod(revision="new"), 2, False, id="of-the-newest-spec"),
        pytest.param(redis_pod(revision="old"), 1, False, id="its-controller-has-not-looked-yet"),
    ],
)
def test_a_redis_that_cannot_start_is_replaced_by_one_of_a_later_spec(
    pod: Object, observed: int, goes: bool
) -> None:
    deletion = DeletePod(Key("Pod", NAMESPACE, "default-broker-0"), "uid-of-default-broker-0")
    plan = plan_stuck_pods(stateful_set(observed=observed), [pod])
    assert plan.requests == ((deletion,) if goes else ())


@pytest.mark.parametrize(
    ("secret", "ends"),
    [
        pytest.param("default-broker-connection", False, id="a-worker-still-connects"),
        pytest.param("company", True, id="all-have-moved"),
    ],
)
def test_a_redis_ends_when_no_pod_names_its_secret(secret: str, ends: bool) -> None:
    env = [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": secret, "key": "url"}}}]
    pod = {"metadata": metadata("mail-1"), "spec": {"containers": [{"name": "worker", "env": env}]}}
    removed = [child.key.kind for child in plan_end_of_redis(managed(), [pod]).children]
    assert removed == (["StatefulSet", "Service", "ConfigMap", "NetworkPolicy"] if ends else [])
