"""What a Broker becomes, step by step, on an API server in memory."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.brokers.connection.target import Target, target_of
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker import reconcile
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, broker, metadata, of_type

BROKER = Key("Broker", NAMESPACE, "default")
AUTH = Key("Secret", NAMESPACE, "default-broker-auth")
CONNECTION = Key("Secret", NAMESPACE, "default-broker-connection")
REDIS = Key("StatefulSet", NAMESPACE, "default-broker")
EXTERNAL = {"external": {"urlSecretRef": {"name": "company", "key": "url"}}}
REACHABLE = Probe(Verdict.REACHABLE, version="7.2.4")


def external_target(url: str) -> Target:
    """What the Broker's namespace adds: names without a dot are Services there."""
    return replace(target_of(url), namespace=NAMESPACE)


def scene_of(**spec: Any) -> Scene:
    scene = Scene()
    scene.add(broker(**spec))
    return scene


async def run(scene: Scene) -> float | None:
    return await scene.reconcile(reconcile, BROKER)


def condition(scene: Scene, kind: str = "Ready") -> Object:
    return of_type(scene.server.objects[BROKER]["status"], kind)


def value(scene: Scene, key: Key, field: str) -> str:
    return base64.b64decode(scene.server.objects[key]["data"][field]).decode()


def secret(name: str, **data: str) -> Object:
    encoded = {field: base64.b64encode(text.encode()).decode() for field, text in data.items()}
    return {"kind": "Secret", "metadata": metadata(name), "data": encoded}


async def started() -> Scene:
    scene = scene_of()
    await scene.settle(reconcile, BROKER)
    scene.change(REDIS, status={"readyReplicas": 1})
    scene.brokers.probes[BROKER] = REACHABLE
    await scene.settle(reconcile, BROKER)
    return scene


async def test_empty_broker_becomes_a_redis_with_a_password_and_a_connection() -> None:
    scene = scene_of()
    await run(scene)
    kinds = sorted(key.kind for key in scene.server.objects if key.kind != "Event")
    assert kinds == ["Broker", "ConfigMap", "Secret", "Secret", "Service", "StatefulSet"]
    password = value(scene, AUTH, "password")
    assert len(password) >= 20
    assert value(scene, CONNECTION, "password") == password
    assert condition(scene)["reason"] == "Starting"


async def test_password_is_made_once_and_never_replaced() -> None:
    scene = scene_of()
    await run(scene)
    password = value(scene, AUTH, "password")
    scene.change(BROKER, spec={"redis": {"maxMemory": "1Gi"}})
    for _ in range(3):
        await run(scene)
    assert value(scene, AUTH, "password") == password


async def test_deleted_password_is_found_again_in_the_connection() -> None:
    scene = scene_of()
    await run(scene)
    password = value(scene, AUTH, "password")
    scene.drop(AUTH)
    await run(scene)
    assert value(scene, AUTH, "password") == password


async def test_broker_made_anew_finds_the_password_that_its_predecessor_left() -> None:
    scene = scene_of()
    await run(scene)
    password = value(scene, AUTH, "password")
    for key in [key for key in scene.server.objects if key != AUTH]:
        scene.drop(key)
    scene.add(broker(meta={"uid": "second"}))
    await run(scene)
    assert value(scene, AUTH, "password") == password
    assert value(scene, CONNECTION, "password") == password


@pytest.mark.parametrize(
    "key", [pytest.param(AUTH, id="password"), pytest.param(CONNECTION, id="connection")]
)
async def test_secret_of_somebody_else_is_a_conflict_and_stays(key: Key) -> None:
    scene = Scene()
    theirs = scene.server.put(secret(key.name, password="theirs"))
    scene.add(broker())
    await run(scene)
    assert condition(scene)["reason"] == "NameConflict"
    assert scene.server.objects[key] == theirs


async def test_password_reaches_no_status_event_or_child_but_the_secrets() -> None:
    scene = await started()
    password = value(scene, AUTH, "password")
    encoded = base64.b64encode(password.encode()).decode()
    for key, obj in scene.server.objects.items():
        if key.kind != "Secret":
            assert password not in str(obj)
            assert encoded not in str(obj)


async def test_redis_is_asked_once_its_pod_is_ready_and_with_its_password() -> None:
    scene = scene_of()
    await run(scene)
    assert scene.brokers.targets == {}
    scene.change(REDIS, status={"readyReplicas": 1})
    await run(scene)
    password = value(scene, AUTH, "password")
    expected = target_of(f"redis://:{password}@default-broker.shop.svc:6379/0")
    assert scene.brokers.targets == {BROKER: expected}


async def test_broker_that_answers_is_ready_and_writes_nothing_more() -> None:
    scene = await started()
    assert condition(scene)["status"] == "True"
    assert scene.server.objects[BROKER]["status"]["binding"] == {"name": "default-broker-connection"}
    before = len(scene.server.writes)
    for _ in range(10):
        scene.seconds += 60
        await run(scene)
    assert scene.server.writes[before:] == []
    assert scene.events() == [("Normal", "Starting"), ("Normal", "Reachable")]


async def test_broker_that_stops_to_answer_is_told_with_a_warning() -> None:
    scene = await started()
    scene.brokers.probes[BROKER] = Probe(Verdict.UNREACHABLE, "No answer.")
    await run(scene)
    assert condition(scene)["reason"] == "Unreachable"
    assert scene.events()[-1] == ("Warning", "Unreachable")


async def test_external_broker_makes_nothing_and_binds_to_the_users_own_secret() -> None:
    scene = scene_of(**EXTERNAL)
    scene.server.put(secret("company", url="redis://:hunter2@redis.example:6379/1"))
    scene.brokers.probes[BROKER] = REACHABLE
    await run(scene)
    assert {key.kind for key in scene.server.objects} == {"Broker", "Secret", "Event"}
    status = scene.server.objects[BROKER]["status"]
    assert (status["binding"], status["endpoint"]) == ({"name": "company"}, "redis.example:6379")
    assert scene.brokers.targets[BROKER] == external_target("redis://:hunter2@redis.example:6379/1")
    assert "hunter2" not in str(scene.server.objects[BROKER])


async def test_secret_that_comes_or_changes_later_is_seen_within_a_minute() -> None:
    scene = scene_of(**EXTERNAL)
    again = await run(scene)
    assert condition(scene)["reason"] == "SecretMissing"
    assert again is not None
    assert again <= 60
    scene.server.put(secret("company", url="redis://one.example"))
    await run(scene)
    scene.server.put(secret("company", url="redis://two.example"))
    await run(scene)
    assert scene.brokers.targets[BROKER] == external_target("redis://two.example")


async def test_broker_without_a_usable_url_is_asked_no_more() -> None:
    scene = scene_of(**EXTERNAL)
    scene.server.put(secret("company", url="redis://one.example"))
    await run(scene)
    scene.server.put(secret("company", url="nonsense"))
    await run(scene)
    assert condition(scene)["reason"] == "InvalidUrl"
    assert scene.brokers.targets == {}


def put_secret(scene: Scene, url: str, **labels: str) -> str:
    """The Secret as it is from now on; its version."""
    changed = secret("company", url=url)
    stored = scene.server.put({**changed, "metadata": metadata("company", labels=labels)})
    return str(stored["metadata"]["resourceVersion"])


def credentials(scene: Scene) -> Object:
    found: Object = scene.server.objects[BROKER]["status"]["credentials"]
    return found


async def answering() -> tuple[Scene, str]:
    """An external Broker whose Secret the status knows, and the Secret's version."""
    scene = scene_of(**EXTERNAL)
    version = put_secret(scene, "redis://:one@redis.example")
    scene.brokers.probes[BROKER] = REACHABLE
    await scene.settle(reconcile, BROKER)
    assert credentials(scene) == {"secrets": {"company": version}}
    return scene, version


async def test_new_password_gets_a_new_version_once_the_broker_takes_it() -> None:
    scene, before = await answering()
    version = put_secret(scene, "redis://:two@redis.example")
    scene.brokers.probes[BROKER] = Probe(Verdict.AUTHENTICATION_FAILED)
    await scene.settle(reconcile, BROKER)
    assert credentials(scene) == {"secrets": {"company": before}}
    scene.brokers.probes[BROKER] = REACHABLE
    await scene.settle(reconcile, BROKER)
    assert credentials(scene) == {"secrets": {"company": version}, "version": f"company:{version}"}


async def test_secret_that_changes_in_its_labels_only_gets_no_new_version() -> None:
    scene, _ = await answering()
    version = put_secret(scene, "redis://:one@redis.example", team="shop")
    await scene.settle(reconcile, BROKER)
    assert credentials(scene) == {"secrets": {"company": version}}


async def test_labels_that_change_before_the_status_has_been_read_again_get_no_second_version() -> None:
    scene, before = await answering()
    old = scene.server.objects[BROKER]
    version = put_secret(scene, "redis://:two@redis.example")
    await run(scene)
    scene.server.objects[BROKER] = old  # as a cache that lags has it
    assert credentials(scene) == {"secrets": {"company": before}}
    labeled = put_secret(scene, "redis://:two@redis.example", team="shop")
    await run(scene)
    assert credentials(scene) == {"secrets": {"company": labeled}, "version": f"company:{version}"}


async def test_secret_that_changes_while_no_operator_runs_gets_a_new_version() -> None:
    scene, _ = await answering()
    scene.context.followed.clear()
    version = put_secret(scene, "redis://:two@redis.example")
    await scene.settle(reconcile, BROKER)
    assert credentials(scene)["version"] == f"company:{version}"


PARTS = {
    "external": {
        "scheme": "redis",
        "hostFrom": {"configMapKeyRef": {"name": "addresses", "key": "host"}},
        "passwordSecretRef": {"name": "login", "key": "token"},
    }
}


async def test_broker_by_parts_follows_a_renewed_token_and_rolls_no_worker() -> None:
    scene = scene_of(**PARTS)
    config = {"kind": "ConfigMap", "metadata": metadata("addresses"), "data": {"host": "redis.example"}}
    scene.server.put(config)
    scene.brokers.probes[BROKER] = REACHABLE
    for token in ("one/+", "two", "three"):
        scene.server.put(secret("login", token=token))
        scene.context.followed.clear()  # as after a restart of the operator
        await scene.settle(reconcile, BROKER)
        assert scene.brokers.targets[BROKER] == replace(
            external_target("redis://redis.example"), password=token
        )
        assert credentials(scene) == {"secrets": {"external/address": "redis.example:6379/0"}}
    assert condition(scene)["status"] == "True"
    assert scene.server.objects[BROKER]["status"].get("binding") is None
    scene.server.put({**config, "data": {"host": "other.example"}})
    await scene.settle(reconcile, BROKER)
    assert credentials(scene)["version"] == "external/address:other.example:6379/0"


async def test_unchecked_certificate_is_told_in_the_condition_and_by_a_warning() -> None:
    scene = scene_of(external={**EXTERNAL["external"], "insecureSkipVerify": True})
    scene.server.put(secret("company", url="rediss://redis.example"))
    scene.brokers.probes[BROKER] = REACHABLE
    await scene.settle(reconcile, BROKER)
    assert condition(scene)["status"] == "True"
    assert "TLS verification is off (insecureSkipVerify)" in condition(scene)["message"]
    assert scene.events()[-1] == ("Warning", "Reachable")


@pytest.mark.parametrize(
    ("status", "reason", "stalled"),
    [
        pytest.param(403, "ApplyFailed", "False", id="forbidden"),
        pytest.param(422, "InvalidSpec", "True", id="invalid"),
    ],
)
async def test_refusal_is_told_in_the_api_servers_words(status: int, reason: str, stalled: str) -> None:
    scene = scene_of()
    scene.server.refuse("patch", "statefulsets", status=status, message="exceeded quota: team")
    await run(scene)
    assert condition(scene)["reason"] == reason
    assert "exceeded quota: team" in condition(scene)["message"]
    assert condition(scene, "Stalled")["status"] == stalled


async def test_deleted_broker_is_asked_no_more() -> None:
    scene = await started()
    assert BROKER in scene.brokers.targets
    scene.drop(BROKER)
    assert await run(scene) is None
    assert scene.brokers.targets == {}


async def test_a_redis_that_cannot_start_is_replaced_by_one_of_a_later_spec() -> None:
    scene = scene_of()
    await run(scene)
    generation = scene.server.objects[REDIS]["metadata"]["generation"]
    scene.change(REDIS, status={"observedGeneration": generation, "updateRevision": "new"})
    labels = {
        "taskfleet.dev/broker": "default",
        "taskfleet.dev/component": "broker",
        "controller-revision-hash": "old",
    }
    key = scene.add({"kind": "Pod", "metadata": metadata("default-broker-0", labels=labels), "status": {}})
    await run(scene)
    assert key not in scene.server.objects
