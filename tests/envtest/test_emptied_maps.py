"""A map that an apply has filled and then empties, or sets to null, is as one that was left out."""

from typing import Any

import pytest

from taskfleet.api import KINDS, Object
from taskfleet.crds import schema
from tests.envtest.rules.case import build
from tests.tools.kube import TYPES, Kube

QUERY = {"fieldManager": "user", "fieldValidation": "Strict"}
EXTERNAL = {"urlSecretRef": {"name": "r", "key": "url"}}
POD = {"metadata": {"annotations": {"a": "b"}}}
FILLED: dict[tuple[str, str], Object] = {
    ("WorkerPool", "template"): POD,
    ("WorkerPool", "resources"): {"limits": {"memory": "1Gi"}},
    ("WorkerPool", "resources.limits"): {"memory": "1Gi"},
    ("WorkerPool", "resources.requests"): {"cpu": "1"},
    ("WorkerPool", "networkPolicy"): {"admit": [{"podSelector": {}}]},
    ("WorkerPool", "beat"): {"scheduler": "x:Y"},
    ("WorkerPool", "beat.template"): POD,
    ("WorkerPool", "beat.storage"): {"retainOnDelete": False},
    ("WorkerPool", "beat.resources"): {"limits": {"memory": "1Gi"}},
    ("WorkerPool", "beat.resources.limits"): {"memory": "1Gi"},
    ("WorkerPool", "beat.resources.requests"): {"cpu": "1"},
    ("WorkerPool", "strategy"): {"type": "Recreate"},
    ("WorkerPool", "strategy.rollingUpdate"): {"maxSurge": 1},
    ("WorkerPool", "disruptionBudget"): {"enabled": False},
    ("WorkerPool", "telemetry"): {"otlp": {"endpoint": "http://collector:4318"}},
    ("Broker", "redis"): {"maxMemory": "1Gi"},
    ("Broker", "redis.template"): POD,
    ("Broker", "redis.resources"): {"limits": {"memory": "1Gi"}},
    ("Broker", "schedules"): {"template": POD},
    ("Broker", "schedules.template"): POD,
    ("Broker", "schedules.resources"): {"limits": {"memory": "1Gi"}},
    ("Broker", "schedules.resources.limits"): {"memory": "1Gi"},
    ("Broker", "schedules.resources.requests"): {"cpu": "1"},
    ("Broker", "redis.networkPolicy"): {"admit": [{"podSelector": {}}]},
    ("PeriodicSchedule", "kwargs"): {"a": 1},
    ("PeriodicSchedule", "headers"): {"a": "b"},
    ("TaskQueue", "alertAbove"): {"waiting": 1},
}

# They say something while they are empty.
SWITCHES = ("beat", "beat.storage", "networkPolicy", "redis", "redis.networkPolicy")


def nested(path: str, value: Any) -> Object:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def apply(kube: Kube, namespace: str, kind: str, path: str, value: Any) -> Object:
    obj = build(kind, nested(path, value), namespace=namespace)
    url = TYPES[kind].path(namespace, obj["metadata"]["name"])
    return kube.request("PATCH", url, obj, query=QUERY, content_type="application/apply-patch+yaml")


@pytest.mark.parametrize(("kind", "path"), FILLED, ids=".".join)
@pytest.mark.parametrize("empty", [{}, None], ids=["empty", "null"])
def test_a_map_can_be_emptied(kube: Kube, namespace: str, kind: str, path: str, empty: Object | None) -> None:
    model = next(info.model for info in KINDS if info.kind == kind)
    apply(kube, namespace, kind, path, FILLED[kind, path])
    stored = apply(kube, namespace, kind, path, empty)
    left_out = build(kind, nested(path.rpartition(".")[0], {}) if "." in path else {}, namespace=namespace)
    created = build(kind, nested(path, empty), namespace=namespace) if path in SWITCHES else left_out
    seen: Any = model.parse(stored)
    assert seen.spec == model.parse(created).spec  # type: ignore[attr-defined] # every kind has a spec


def test_every_map_of_a_spec_is_tried() -> None:
    """Those that can be null: objects that may be left out and have no default."""
    found = {
        (info.kind, path)
        for info in KINDS
        for path in _nullable(schema(info)["properties"]["spec"], "")
        if "[]" not in path and "template." not in path
    }
    left = found - set(FILLED)
    required_below = {
        ("WorkerPool", "autoscale"),
        ("WorkerPool", "autoscale.behavior"),
        ("WorkerPool", "autoscale.behavior.scaleUp"),
        ("WorkerPool", "autoscale.behavior.scaleDown"),
        ("WorkerPool", "recycle"),
        ("WorkerPool", "processAutoscale"),
        ("WorkerPool", "resultBackend"),
        ("WorkerPool", "resultBackend.urlSecretRef"),
        ("WorkerPool", "resultBackend.broker"),
        ("WorkerPool", "resultBackend.sentinel"),
        ("WorkerPool", "resultBackend.sentinel.passwordSecretRef"),
        ("WorkerPool", "resultBackend.passwordSecretRef"),
        ("WorkerPool", "telemetry.otlp"),
        ("WorkerPool", "telemetry.otlp.headersSecretRef"),
        ("Broker", "external"),
        ("Broker", "external.caSecretRef"),
        ("Broker", "external.clientCertificateSecretRef"),
        ("Broker", "external.sentinel"),
        ("Broker", "external.sentinel.passwordSecretRef"),
        ("Broker", "external.urlSecretRef"),
        ("Broker", "external.passwordSecretRef"),
        *(
            ("Broker", f"external.{part}From{source}")
            for part in ("host", "port", "username", "database", "virtualHost")
            for source in ("", ".secretKeyRef", ".configMapKeyRef")
        ),
        *(
            ("WorkerPool", f"resultBackend.{part}From{source}")
            for part in ("host", "port", "username", "database")
            for source in ("", ".secretKeyRef", ".configMapKeyRef")
        ),
        ("PeriodicSchedule", "solar"),
    }
    assert left - required_below == {
        ("Broker", "redis.resources.limits"),
        ("Broker", "redis.resources.requests"),
    }


def _nullable(node: Object, path: str) -> list[str]:
    found = [path] if node.get("nullable") else []
    for name, part in node.get("properties", {}).items():
        found += _nullable(part, f"{path}.{name}".lstrip("."))
    if "items" in node:
        found += _nullable(node["items"], f"{path}[]")
    return found
