"""Representative pools and Brokers, as users write them, and what is built of each."""

from typing import Any

from tests.unit.resources.objects import (
    INSTALLATION,
    deployment,
    external_broker,
    managed_broker,
    worker_pool,
)

from taskfleet.api import Object
from taskfleet.api.broker import Schedules
from taskfleet.resources.app_beat_claim import app_beat_claim
from taskfleet.resources.app_beat_deployment import app_beat_deployment
from taskfleet.resources.broker_auth_secret import broker_auth_secret
from taskfleet.resources.broker_config_map import broker_config_map
from taskfleet.resources.broker_connection_secret import broker_connection_secret
from taskfleet.resources.broker_service import broker_service
from taskfleet.resources.broker_stateful_set import broker_stateful_set
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.schedules_deployment import schedules_deployment
from taskfleet.resources.worker_pdb import worker_pdb

FULL_TEMPLATE: Object = {
    "metadata": {"labels": {"team": "mail"}, "annotations": {"example.test/scrape": "true"}},
    "spec": {
        "serviceAccountName": "default",
        "automountServiceAccountToken": False,
        "hostNetwork": False,
        "priorityClassName": "",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "batch", "operator": "Exists", "effect": "NoSchedule"}, {"key": "spot"}],
        "imagePullSecrets": [{"name": "registry"}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["legacy"]}],
        "topologySpreadConstraints": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"taskfleet.dev/pool": "mail"}},
            }
        ],
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "preference": {"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]},
                    }
                ]
            }
        },
        "securityContext": {"fsGroup": 2000, "supplementalGroups": [3000], "runAsUser": 1000},
        "initContainers": [
            {"name": "migrate", "image": "registry.test/app:1", "args": ["migrate"]},
            {"name": "proxy", "image": "registry.test/proxy:1", "restartPolicy": "Always"},
        ],
        "containers": [
            {
                "name": "worker",
                "env": [
                    {"name": "EMPTY", "value": ""},
                    {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1024Ki"}}},
                ],
                "resources": {"requests": {"cpu": "0.5", "ephemeral-storage": "1024Mi"}},
                "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
                "volumeMounts": [{"name": "cache", "mountPath": "/cache", "readOnly": False}],
            },
            {
                "name": "exporter",
                "image": "registry.test/exporter:1",
                "ports": [{"containerPort": 9808}, {"containerPort": 9808, "protocol": "UDP", "name": "udp"}],
                "readinessProbe": {"tcpSocket": {"port": 9808}, "initialDelaySeconds": 0},
                "resources": {},
                "securityContext": {"readOnlyRootFilesystem": True, "privileged": False},
            },
        ],
        "volumes": [
            {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "0.5Gi"}},
            {"name": "config", "configMap": {"name": "app", "items": []}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        ],
    },
}  # fmt: skip

EVERY_FIELD: Object = {
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "50%"}},
    "disruptionBudget": {"enabled": True, "maxUnavailable": 2},
    "python": "/opt/venv/bin/python",
    "launcher": ["sh", "-c", '. /env.sh; exec "$0" "$@"'],
    "setup": ["shop.setup:prepare"],
    "concurrency": 4,
    "queues": ["high", "low"],
    "queueOrder": "RoundRobin",
    "replicas": 4,
    "timeLimit": "10m",
    "softTimeLimit": "5m",
    "terminationGracePeriod": "11m",
    "acknowledge": "Early",
    "prefetchMultiplier": 1,
    "maxTasksPerChild": 100,
    "maxMemoryPerChild": "400Mi",
    "logLevel": "WARNING",
    "extraArgs": ["-E"],
    "env": [{"name": "DJANGO_SETTINGS_MODULE", "value": "shop.settings"}],
    "envFrom": [{"configMapRef": {"name": "app"}}, {"prefix": "S_", "secretRef": {"name": "app", "optional": True}}],
    "resources": {"requests": {"memory": "512Mi"}, "limits": {"memory": 1073741824, "cpu": 1.5}},
    "failures": {"enabled": True, "limit": 500, "retention": "24h", "arguments": True, "messages": True},
    "telemetry": {
        "otlp": {
            "endpoint": "https://collector.test/tenant",
            "headersSecretRef": {"name": "collector", "key": "headers"},
            "sampling": 0.01,
        }
    },
    "resultBackend": {"broker": {"database": 1}},
    "template": FULL_TEMPLATE,
}  # fmt: skip

FULL_REDIS: Object = {
    "image": "registry.test/redis:8",
    "storage": {"size": "1024Mi", "storageClassName": "standard", "retainOnDelete": False},
    "maxMemory": "1Gi",
    "resources": {"requests": {"cpu": 0.5}, "limits": {"memory": "1024Mi"}},
    "template": {
        "metadata": {"annotations": {"example.test/scrape": "true"}},
        "spec": {
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "exporter", "image": "registry.test/exporter:1"}],
        },
    },
}


FULL_BEAT: Object = {
    "app": "proj.schedules",
    "launcher": ["newrelic-admin", "run-program"],
    "env": [{"name": "LEVEL", "value": "9"}],
    "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
    "storage": {"size": "1Gi", "storageClassName": "standard", "retainOnDelete": False},
}


FULL_SCHEDULES: Object = {
    "resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "1", "memory": "512Mi"}},
    "template": {
        "metadata": {"labels": {"team": "mail"}},
        "spec": {
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "priorityClassName": "system-cluster-critical",
        },
    },
}


def _source(kind: str, name: str, key: str) -> Object:
    return {f"{kind}KeyRef": {"name": name, "key": key}}


BY_PARTS: Object = {
    "scheme": "rediss",
    "hostFrom": _source("configMap", "addresses", "redis-host"),
    "port": 6380,
    "usernameFrom": _source("secret", "login", "user"),
    "passwordSecretRef": {"name": "login", "key": "password"},
    "databaseFrom": _source("configMap", "addresses", "redis-database"),
    "caSecretRef": {"name": "company-ca", "key": "ca.crt"},
}


RESULTS_BY_PARTS: tuple[Object, ...] = (
    {
        "scheme": "sentinel",
        "hosts": ["sentinel-0", "sentinel-1"],
        "port": 26379,
        "username": "shop",
        "passwordSecretRef": {"name": "login", "key": "password"},
        "database": 2,
        "sentinel": {
            "masterName": "main",
            "tls": True,
            "passwordSecretRef": {"name": "sentinel", "key": "own"},
        },
    },
    {
        "scheme": "db+postgresql",
        "hostFrom": _source("configMap", "addresses", "postgres-host"),
        "portFrom": _source("configMap", "addresses", "postgres-port"),
        "usernameFrom": _source("secret", "postgres", "user"),
        "passwordSecretRef": {"name": "postgres", "key": "password"},
        "databaseFrom": _source("secret", "postgres", "database"),
    },
    {"scheme": "redis", "host": "cache"},
)


def pool_children(pool: dict[str, Any], broker: dict[str, Any] | None = None) -> list[Object]:
    """What a pool becomes, on a managed Broker or on an external one with these fields."""
    parsed = worker_pool(**pool)
    budget = worker_pdb(parsed)
    built = deployment(parsed, None if broker is None else external_broker(**broker))
    return [built] if budget is None else [built, budget]


def broker_children(redis: dict[str, Any]) -> list[Object]:
    """What a managed Broker becomes."""
    broker = managed_broker(**redis)
    return [
        broker_auth_secret(broker, "password"),
        broker_connection_secret(broker, "password"),
        broker_config_map(broker),
        broker_service(broker),
        broker_stateful_set(broker, INSTALLATION),
    ]


def app_beat_children(pool: dict[str, Any]) -> list[Object]:
    """What the beat of a pool becomes."""
    parsed = worker_pool(**pool)
    built = app_beat_deployment(parsed, BrokerBinding.of(managed_broker()), INSTALLATION)
    return [each for each in (app_beat_claim(parsed), built) if each is not None]


def schedules(**fields: Any) -> Object:
    """The beat of a managed Broker's schedules."""
    broker = managed_broker()
    spec = broker.spec.model_copy(update={"schedules": Schedules.model_validate(fields)})
    return schedules_deployment(broker.model_copy(update={"spec": spec}), INSTALLATION)


CASES: dict[str, list[Object]] = {
    "prefork": pool_children({}),
    "threads": pool_children({"pool": "threads"}),
    "gevent": pool_children({"pool": "gevent"}),
    "eventlet": pool_children({"pool": "eventlet"}),
    "solo": pool_children({"pool": "solo"}),
    "process-autoscale": pool_children({"processAutoscale": {"min": 3, "max": 10}}),
    "autoscale": pool_children({"autoscale": {"maxReplicas": 20}}),
    "every-field": pool_children(EVERY_FIELD),
    "external-broker": pool_children({}, {"visibilityTimeout": "2h", "globalKeyPrefix": "shop:"}),
    "external-broker-by-parts": pool_children({}, {"external": BY_PARTS}),
    "results-by-parts": [
        child for backend in RESULTS_BY_PARTS for child in pool_children({"resultBackend": backend})
    ],
    "broker": broker_children({}),
    "broker-every-field": broker_children(FULL_REDIS),
    "schedules": [schedules()],
    "schedules-every-field": [schedules(**FULL_SCHEDULES)],
    "app-beat": app_beat_children({"beat": {}}),
    "app-beat-every-field": app_beat_children({**EVERY_FIELD, "beat": FULL_BEAT}),
}
