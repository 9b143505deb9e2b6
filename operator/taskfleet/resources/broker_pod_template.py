"""The pod of a managed Redis: locked down, configured by files, and asked for a PING with its password."""

from taskfleet.api import GROUP, Broker, Object, Redis, parse_quantity
from taskfleet.resources.broker_auth_secret import PASSWORD
from taskfleet.resources.broker_config_map import (
    COMPONENT,
    CONFIG_FILE,
    CONFIG_PATH,
    DATA_PATH,
    PASSWORD_FILE,
    redis_conf,
)
from taskfleet.resources.broker_names import DATA_VOLUME, REDIS_PORT, auth_secret_name, broker_name
from taskfleet.resources.broker_service import PORT_NAME
from taskfleet.resources.context import Installation
from taskfleet.resources.hashing import digest
from taskfleet.resources.labels import child_labels
from taskfleet.resources.security import locked_down_container, restricted_pod
from taskfleet.resources.user_template import Owned, with_user_template

CONTAINER = "redis"
_CONFIG_VOLUME = "config"
_CLIENT_PASSWORD = "REDISCLI_AUTH"  # noqa: S105 - the variable that redis-cli reads
_USER = 999  # of the official image; Debian's package works as any user

_OWNED = Owned(
    container=CONTAINER,
    container_fields=frozenset({"command", "args", "startupProbe", "readinessProbe", "livenessProbe"}),
    container_entries={
        "volumeMounts": frozenset({CONFIG_PATH, DATA_PATH}),
        "env": frozenset({_CLIENT_PASSWORD}),
        "ports": frozenset({REDIS_PORT}),
    },
    pod_entries={"volumes": frozenset({_CONFIG_VOLUME})},
)


def broker_pod_template(broker: Broker, installation: Installation) -> Object:
    """The complete template. Raises SpecError for a user's template that cannot be merged."""
    user = broker.spec.effective_redis.template
    return with_user_template(_built(broker, installation), user, owned=_OWNED, path="spec.redis.template")


def _built(broker: Broker, installation: Installation) -> Object:
    redis = broker.spec.effective_redis
    return {
        "metadata": {
            "labels": child_labels(broker, COMPONENT),
            # Redis reads its configuration at the start only.
            "annotations": {f"{GROUP}/config-hash": digest(redis_conf(redis))},
        },
        "spec": {
            **installation.pull_secrets,
            "containers": [_redis_container(broker, installation)],
            "volumes": [_config_volume(broker)],
            "securityContext": {
                **restricted_pod(),
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "fsGroup": _USER,
                "fsGroupChangePolicy": "OnRootMismatch",
            },
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
        },
    }


def _redis_container(broker: Broker, installation: Installation) -> Object:
    redis = broker.spec.effective_redis
    pull_policy = {} if redis.image else {"imagePullPolicy": installation.image_pull_policy}
    password = {"name": auth_secret_name(broker.name), "key": PASSWORD}
    return {
        "name": CONTAINER,
        "image": redis.image or installation.redis_image,
        **pull_policy,
        "command": ["redis-server", f"{CONFIG_PATH}/{CONFIG_FILE}"],
        "env": [{"name": _CLIENT_PASSWORD, "valueFrom": {"secretKeyRef": password}}],
        "ports": [{"name": PORT_NAME, "containerPort": REDIS_PORT, "protocol": "TCP"}],
        "resources": _resources(redis),
        **_probes(),
        "securityContext": locked_down_container(),
        "volumeMounts": [
            {"name": _CONFIG_VOLUME, "mountPath": CONFIG_PATH, "readOnly": True},
            {"name": DATA_VOLUME, "mountPath": DATA_PATH},
        ],
    }


def _probes() -> Object:
    # redis-cli ends with 0 on an error too. It takes the password from its environment.
    ping = {"exec": {"command": ["sh", "-c", 'test "$(redis-cli ping)" = PONG']}, "timeoutSeconds": 5}
    return {
        # Reading a large file back takes its time: an hour, and the others wait for it.
        "startupProbe": {**ping, "periodSeconds": 1, "failureThreshold": 3600},
        "readinessProbe": {**ping, "periodSeconds": 5, "failureThreshold": 3},
        # Only a process that no longer accepts connections is killed; one that is slow is left alone.
        "livenessProbe": {
            "tcpSocket": {"port": PORT_NAME},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
    }


def _resources(redis: Redis) -> Object:
    """The user's, with memory for maxMemory where they name none.

    Twice as much at most: while the append-only file is rewritten, a copy of every changed page is held.
    """
    requests, limits = dict(redis.resources.requests), dict(redis.resources.limits)
    if "memory" not in requests and "memory" not in limits:
        requests["memory"] = redis.max_memory
        limits["memory"] = str(int(parse_quantity(redis.max_memory) * 2))
    if "cpu" not in requests and "cpu" not in limits:
        requests["cpu"] = "50m"
    return {name: amounts for name, amounts in (("requests", requests), ("limits", limits)) if amounts}


def _config_volume(broker: Broker) -> Object:
    """Both files in one folder, readable by the group that fsGroup gives them."""
    config = {"name": broker_name(broker.name), "items": [{"key": CONFIG_FILE, "path": CONFIG_FILE}]}
    password = {
        "name": auth_secret_name(broker.name),
        "items": [{"key": PASSWORD_FILE, "path": PASSWORD_FILE}],
    }
    sources = [{"configMap": config}, {"secret": password}]
    return {"name": _CONFIG_VOLUME, "projected": {"defaultMode": 0o440, "sources": sources}}
