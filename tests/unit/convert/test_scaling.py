"""HPA, ScaledObject, budgets and Services beside a worker."""

from typing import Any

from tests.unit.convert.manifests import deployment, of_kind, pool, said

from taskfleet.api import Object
from taskfleet.convert.conversion import convert


def about(kind: str, spec: Object, **meta: Any) -> Object:
    target = {"scaleTargetRef": {"name": "celery"}} if "Scale" in kind or "Auto" in kind else {}
    return {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "s", **meta}, "spec": {**target, **spec}}


def test_scaled_object_gives_size_and_patience() -> None:
    found = pool(
        deployment(spec={"replicas": 3}), about("ScaledObject", {"maxReplicaCount": 9, "cooldownPeriod": 60})
    )
    assert found["autoscale"] == {"minReplicas": 0, "maxReplicas": 9, "keepalive": "1m"}
    assert "replicas" not in found


def test_scaled_object_without_numbers_has_those_of_keda() -> None:
    assert pool(deployment(), about("ScaledObject", {}))["autoscale"] == {
        "minReplicas": 0,
        "maxReplicas": 100,
        "keepalive": "5m",
    }


def test_paused_scaled_object_holds_the_size() -> None:
    paused = about("ScaledObject", {}, annotations={"autoscaling.keda.sh/paused": "true"})
    assert pool(deployment(), paused)["autoscale"]["mode"] == "Hold"


def test_triggers_that_are_no_queue_are_lost() -> None:
    triggers = [{"type": "cron", "metadata": {}}, {"type": "redis", "metadata": {"listName": "other"}}]
    conversion = convert([deployment(), about("ScaledObject", {"triggers": triggers})])
    assert said(conversion, "ScaledObject s trigger cron")[0].startswith("not supported")
    assert said(conversion, "ScaledObject s trigger redis")[0].endswith("and other is not one of them.")


def test_hpa_gives_size_and_its_window() -> None:
    down = {"stabilizationWindowSeconds": 120, "policies": [{"type": "Pods", "value": 1}]}
    hpa = about(
        "HorizontalPodAutoscaler", {"minReplicas": 2, "maxReplicas": 8, "behavior": {"scaleDown": down}}
    )
    conversion = convert([deployment(), hpa])
    assert of_kind(conversion, "WorkerPool")[0]["spec"]["autoscale"] == {
        "minReplicas": 2,
        "maxReplicas": 8,
        "keepalive": "2m",
    }
    assert said(conversion, "HorizontalPodAutoscaler s behavior.scaleDown")


def test_scaler_of_something_else_is_left_alone() -> None:
    other = about("HorizontalPodAutoscaler", {"scaleTargetRef": {"name": "web"}, "maxReplicas": 4})
    conversion = convert([deployment(), other])
    assert of_kind(conversion, "WorkerPool")[0]["spec"]["replicas"] == 1
    assert said(conversion, "object") == [
        "kept: does not select a Celery worker of this input; keep it as it is."
    ]


def test_what_selects_the_workload_by_its_labels_selects_the_pool_too() -> None:
    worker = deployment()
    worker["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "shop"
    by_name = about("Service", {"selector": {"app.kubernetes.io/name": "shop"}})
    by_app = about("ServiceMonitor", {"selector": {"matchLabels": {"app": "celery"}}})
    conversion = convert([worker, by_name, by_app])
    assert said(conversion, "Service s") == ["kept: matches the pool's pods by their labels."]
    assert said(conversion, "ServiceMonitor s") == ["kept: matches the pool's pods by their labels."]
