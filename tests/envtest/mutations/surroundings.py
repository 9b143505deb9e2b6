"""What has to be in a spec for a property to mean something, by the beginning of its path."""

from taskfleet.api import Object
from tests.envtest.mutations.properties import Property
from tests.envtest.rules.case import valid_spec

URL = {"name": "company", "key": "url"}
COLLECTOR = "http://collector:4318"
EXTERNAL = {"urlSecretRef": URL}

BY_PARTS = {"scheme": "redis", "host": "cache.example"}
SENTINELS = {"scheme": "sentinel", "hosts": ["a.example", "b.example"], "sentinel": {"masterName": "main"}}
SOURCE = {"secretKeyRef": URL}


def _policies(direction: str) -> Object:
    policies = [{"type": "Pods", "value": 2, "period": "10s"}]
    return {"maxReplicas": 3, "behavior": {direction: {"policies": policies}}}


# Pools at zero: a template that changes need not roll pods.
_BASE: dict[str, Object] = {"WorkerPool": {"replicas": 0}}

# None takes a field of the valid spec away. The longest beginning that fits counts.
_BESIDE: dict[str, dict[str, Object]] = {
    "WorkerPool": {
        "autoscale": {"replicas": None},
        "autoscale.": {
            "replicas": None,
            "autoscale": {"maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindow": "1s"}}},
        },
        "autoscale.keepalive": {"replicas": None, "autoscale": {"maxReplicas": 3}},
        "autoscale.behavior.scaleUp.policies[].": {"replicas": None, "autoscale": _policies("scaleUp")},
        "autoscale.behavior.scaleDown.policies[].": {"replicas": None, "autoscale": _policies("scaleDown")},
        "recycle.maxAge": {"recycle": {"maxMemory": "100Ti"}},
        "recycle.maxMemory": {"recycle": {"maxAge": "720h"}},
        "processAutoscale.": {"processAutoscale": {"min": 2, "max": 4}},
        "resultBackend.urlSecretRef": {"resultBackend": {"urlSecretRef": URL}},
        "resultBackend.broker": {"resultBackend": {"broker": {"database": 1}}},
        "resultBackend.scheme": {"resultBackend": BY_PARTS},
        "resultBackend.host": {"resultBackend": BY_PARTS},
        "resultBackend.hostFrom": {"resultBackend": {"scheme": "redis", "hostFrom": SOURCE}},
        "resultBackend.hosts": {"resultBackend": SENTINELS},
        "resultBackend.port": {"resultBackend": BY_PARTS},
        "resultBackend.portFrom.": {"resultBackend": {**BY_PARTS, "portFrom": SOURCE}},
        "resultBackend.username": {"resultBackend": {**BY_PARTS, "passwordSecretRef": URL}},
        "resultBackend.usernameFrom.": {
            "resultBackend": {**BY_PARTS, "passwordSecretRef": URL, "usernameFrom": SOURCE}
        },
        "resultBackend.passwordSecretRef": {"resultBackend": {**BY_PARTS, "passwordSecretRef": URL}},
        "resultBackend.database": {"resultBackend": BY_PARTS},
        "resultBackend.databaseFrom.": {"resultBackend": {**BY_PARTS, "databaseFrom": SOURCE}},
        "resultBackend.sentinel": {"resultBackend": {"urlSecretRef": URL}},
        "resultBackend.sentinel.": {"resultBackend": SENTINELS},
        "resultBackend.sentinel.passwordSecretRef.": {
            "resultBackend": {**SENTINELS, "sentinel": {"masterName": "main", "passwordSecretRef": URL}}
        },
        "telemetry.otlp.": {"telemetry": {"otlp": {"endpoint": COLLECTOR}}},
        "beat.": {"beat": {}},
        "networkPolicy.": {"networkPolicy": {}},
        "env[].": {"env": [{"name": "A", "value": "1"}]},
        "env[].valueFrom": {"env": [{"name": "A"}]},
        "envFrom[].configMapRef": {"envFrom": [{"configMapRef": {"name": "settings"}}]},
        "envFrom[].secretRef": {"envFrom": [{"secretRef": {"name": "company"}}]},
        "envFrom[].prefix": {"envFrom": [{"secretRef": {"name": "company"}}]},
        "softTimeLimit": {"timeLimit": "99999h999999m99999999s"},
    },
    "Broker": {
        "redis.": {"redis": {}},
        "schedules.": {"schedules": {}},
        "external.": {"external": EXTERNAL},
        "external.scheme": {"external": BY_PARTS},
        "external.host": {"external": BY_PARTS},
        "external.hostFrom": {"external": {"scheme": "redis", "hostFrom": SOURCE}},
        "external.hosts": {"external": SENTINELS},
        "external.port": {"external": BY_PARTS},
        "external.portFrom.": {"external": {**BY_PARTS, "portFrom": SOURCE}},
        "external.username": {"external": {**BY_PARTS, "passwordSecretRef": URL}},
        "external.usernameFrom.": {
            "external": {**BY_PARTS, "passwordSecretRef": URL, "usernameFrom": SOURCE}
        },
        "external.passwordSecretRef": {"external": {**BY_PARTS, "passwordSecretRef": URL}},
        "external.database": {"external": BY_PARTS},
        "external.databaseFrom.": {"external": {**BY_PARTS, "databaseFrom": SOURCE}},
        "external.virtualHost": {"external": {**BY_PARTS, "scheme": "amqp"}},
        "external.virtualHostFrom.": {"external": {**BY_PARTS, "scheme": "amqp", "virtualHostFrom": SOURCE}},
        "external.caSecretRef.": {"external": {**EXTERNAL, "caSecretRef": URL}},
        "external.clientCertificateSecretRef.": {
            "external": {**EXTERNAL, "clientCertificateSecretRef": {"name": "company"}}
        },
        "external.sentinel.": {"external": {**EXTERNAL, "sentinel": {"masterName": "main"}}},
        "external.sentinel.passwordSecretRef.": {
            "external": {**EXTERNAL, "sentinel": {"masterName": "main", "passwordSecretRef": URL}}
        },
    },
    "TaskQueue": {"alertAbove.": {"alertAbove": {"waiting": 5}}},
    "PeriodicSchedule": {
        "solar.": {"interval": None, "solar": {"event": "sunrise", "latitude": 52.5, "longitude": 13.4}},
    },
}


def surroundings(one: Property) -> Object:
    """A spec in which the property can be set and removed again."""
    beside = _BESIDE.get(one.kind, {})
    fits = max((start for start in beside if one.path.startswith(start)), key=len, default=None)
    changes = beside[fits] if fits is not None else {}
    spec = {**valid_spec(one.kind), **_BASE.get(one.kind, {}), **changes}
    return {name: value for name, value in spec.items() if value is not None}
