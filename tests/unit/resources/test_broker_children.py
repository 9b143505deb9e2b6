from base64 import b64decode
from typing import Any

import pytest
from tests.unit.resources.objects import INSTALLATION, by_name, managed_broker

from taskfleet.api import Broker, Object
from taskfleet.resources.broker_auth_secret import broker_auth_secret
from taskfleet.resources.broker_config_map import broker_config_map
from taskfleet.resources.broker_connection_secret import broker_connection_secret
from taskfleet.resources.broker_names import data_claim_name
from taskfleet.resources.broker_service import broker_service
from taskfleet.resources.broker_stateful_set import broker_stateful_set

CANARY = "canary-password_1"
UID = "22222222-2222-2222-2222-222222222222"


def stateful_set(broker: Broker | None = None) -> Any:
    return broker_stateful_set(broker or managed_broker(), INSTALLATION)["spec"]


def pod(broker: Broker | None = None) -> Any:
    return stateful_set(broker)["template"]["spec"]


def redis(broker: Broker | None = None) -> Any:
    return pod(broker)["containers"][0]


def config(broker: Broker | None = None) -> list[str]:
    return str(broker_config_map(broker or managed_broker())["data"]["redis.conf"]).splitlines()


def decoded(secret: Object) -> dict[str, str]:
    return {key: b64decode(value).decode() for key, value in secret["data"].items()}


@pytest.mark.parametrize(
    "line",
    [
        "include /etc/redis/password.conf",
        "appendonly yes",
        'save ""',
        "maxmemory-policy noeviction",
        "maxclients 10000",
        "dir /data",
        "port 6379",
    ],
)
def test_redis_keeps_what_it_accepts(line: str) -> None:
    assert line in config()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, "maxmemory 268435456", id="default"),
        pytest.param({"maxMemory": "1Gi"}, "maxmemory 1073741824", id="given"),
        pytest.param(
            {"maxMemory": "1Gi", "resources": {"limits": {"memory": "1Gi"}}},
            "maxmemory 805306368",
            id="three-quarters-of-the-limit-at-most",
        ),
        pytest.param(
            {"maxMemory": "100M", "resources": {"limits": {"memory": "1Gi"}}},
            "maxmemory 100000000",
            id="below-the-limit",
        ),
    ],
)
def test_max_memory(spec: dict[str, Any], expected: str) -> None:
    assert expected in config(managed_broker(**spec))


@pytest.mark.parametrize(
    ("spec", "resources"),
    [
        pytest.param(
            {"maxMemory": "1Gi"},
            {"requests": {"memory": "1Gi", "cpu": "50m"}, "limits": {"memory": "2147483648"}},
            id="memory-follows-max-memory",
        ),
        pytest.param(
            {"resources": {"limits": {"memory": "1Gi", "cpu": "1"}}},
            {"limits": {"memory": "1Gi", "cpu": "1"}},
            id="no-request-beside-a-limit-that-may-be-lower",
        ),
        pytest.param(
            {"resources": {"requests": {"memory": "1Gi"}}},
            {"requests": {"memory": "1Gi", "cpu": "50m"}},
            id="no-limit-beside-a-request-that-may-be-higher",
        ),
    ],
)
def test_resources(spec: dict[str, Any], resources: Object) -> None:
    assert redis(managed_broker(**spec))["resources"] == resources


def test_password_is_in_the_two_secrets_and_nowhere_else() -> None:
    broker = managed_broker()
    assert decoded(broker_auth_secret(broker, CANARY)) == {
        "password": CANARY,
        "password.conf": f"requirepass {CANARY}\n",
    }
    others = [broker_config_map(broker), broker_service(broker), broker_stateful_set(broker, INSTALLATION)]
    assert CANARY not in str(others)


def test_connection_secret_follows_service_binding() -> None:
    secret = broker_connection_secret(managed_broker(), CANARY)
    url = f"redis://:{CANARY}@default-broker.shop.svc:6379/0"
    assert secret["metadata"]["name"] == "default-broker-connection"
    assert secret["type"] == "servicebinding.io/redis"
    assert decoded(secret) == {
        "type": "redis",
        "provider": "taskfleet",
        "host": "default-broker.shop.svc",
        "port": "6379",
        "uri": url,
        "url": url,
        "username": "default",
        "password": CANARY,
    }


def test_redis_is_locked_down() -> None:
    assert pod()["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 999,
        "runAsGroup": 999,
        "fsGroup": 999,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert redis()["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod()["automountServiceAccountToken"] is False


def test_readiness_is_an_authenticated_ping_without_the_password_on_its_command_line() -> None:
    ping = ["sh", "-c", 'test "$(redis-cli ping)" = PONG']
    assert redis()["readinessProbe"]["exec"]["command"] == ping
    assert redis()["startupProbe"]["exec"]["command"] == ping
    assert by_name(redis()["env"])["REDISCLI_AUTH"]["valueFrom"] == {
        "secretKeyRef": {"name": "default-broker-auth", "key": "password"}
    }


def test_a_slow_redis_is_not_killed() -> None:
    assert redis()["livenessProbe"]["tcpSocket"] == {"port": "redis"}


@pytest.mark.parametrize(
    ("spec", "image", "policy"),
    [
        pytest.param({}, "registry.test/redis:7", "IfNotPresent", id="of-the-installation"),
        pytest.param({"image": "redis:8"}, "redis:8", "IfNotPresent", id="of-the-broker"),
        pytest.param({"image": "redis"}, "redis", "Always", id="of-the-broker-without-a-tag"),
    ],
)
def test_image(spec: dict[str, Any], image: str, policy: str | None) -> None:
    container = redis(managed_broker(**spec))
    assert (container["image"], container.get("imagePullPolicy")) == (image, policy)


def test_a_changed_configuration_restarts_redis() -> None:
    def annotations(broker: Broker) -> Any:
        return stateful_set(broker)["template"]["metadata"]["annotations"]

    assert annotations(managed_broker(maxMemory="1Gi")) != annotations(managed_broker())
    assert annotations(managed_broker(image="redis:8")) == annotations(managed_broker())


def test_volume_is_claimed_with_the_labels_by_which_it_is_found_again() -> None:
    (claim,) = stateful_set(managed_broker(storage={"size": "2Gi", "storageClassName": "fast"}))[
        "volumeClaimTemplates"
    ]
    assert claim["metadata"]["annotations"] == {"taskfleet.dev/retained-from": UID}
    assert claim["metadata"]["labels"]["taskfleet.dev/broker"] == "default"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "2Gi"}},
    }
    assert data_claim_name("default") == f"{claim['metadata']['name']}-default-broker-0"


@pytest.mark.parametrize(
    ("retain", "policy"),
    [pytest.param(True, "Retain", id="retained"), pytest.param(False, "Delete", id="not-retained")],
)
def test_volume_and_password_outlive_the_broker_together(retain: bool, policy: str) -> None:
    broker = managed_broker(storage={"retainOnDelete": retain})
    spec = stateful_set(broker)
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": policy, "whenScaled": "Retain"}
    metadata = broker_auth_secret(broker, CANARY)["metadata"]
    assert ("ownerReferences" in metadata) is not retain
    assert metadata.get("annotations") == ({"taskfleet.dev/retained-from": UID} if retain else None)


def test_everything_else_goes_with_the_broker() -> None:
    broker = managed_broker()
    children = [
        broker_connection_secret(broker, CANARY),
        broker_config_map(broker),
        broker_service(broker),
        broker_stateful_set(broker, INSTALLATION),
    ]
    for child in children:
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("Broker", UID, True)


class TestTemplate:
    def test_is_merged_over_the_pod(self) -> None:
        template = {
            "spec": {
                "nodeSelector": {"disk": "fast"},
                "securityContext": {"fsGroup": 5},
                "containers": [
                    {"name": "redis", "env": [{"name": "TZ", "value": "UTC"}]},
                    {"name": "exporter"},
                ],
            }
        }
        spec = pod(managed_broker(template=template))
        assert spec["nodeSelector"] == {"disk": "fast"}
        assert (spec["securityContext"]["fsGroup"], spec["securityContext"]["runAsUser"]) == (5, 999)
        assert {"name": "TZ", "value": "UTC"} in spec["containers"][0]["env"]
        assert spec["containers"][1]["name"] == "exporter"

    def test_that_names_the_container_does_not_open_it(self) -> None:
        named = managed_broker(template={"spec": {"containers": [{"name": "redis"}]}})
        assert redis(named) == redis()

    def test_cannot_change_how_redis_starts(self) -> None:
        wishes = {
            "command": ["sh"],
            "readinessProbe": {},
            "volumeMounts": [{"name": "x", "mountPath": "/data"}],
        }
        template = {
            "spec": {
                "containers": [{"name": "redis", **wishes}],
                "volumes": [{"name": "config", "emptyDir": {}}],
            }
        }
        spec = pod(managed_broker(template=template))
        assert {field: spec["containers"][0][field] for field in wishes} == {
            field: redis()[field] for field in wishes
        }
        assert spec["volumes"] == pod()["volumes"]


def test_service_leads_to_redis() -> None:
    spec = broker_service(managed_broker())["spec"]
    assert spec["ports"] == [{"name": "redis", "port": 6379, "targetPort": "redis", "protocol": "TCP"}]
    labels = stateful_set()["template"]["metadata"]["labels"]
    assert labels.items() >= spec["selector"].items()
