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
    assert found["autoscale"] == {
        "minReplicas": 0,
        "maxReplicas": 9,
        "behavior": {"scaleDown": {"stabilizationWindow": "1m"}},
    }
    assert "replicas" not in found


def test_scaled_object_without_numbers_has_those_of_keda() -> None:
    assert pool(deployment(), about("ScaledObject", {}))["autoscale"] == {
        "minReplicas": 0,
        "maxReplicas": 100,
        "behavior": {"scaleDown": {"stabilizationWindow": "5m"}},
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
    down = {
        "stabilizationWindowSeconds": 120,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 90}],
    }
    hpa = about(
        "HorizontalPodAutoscaler", {"minReplicas": 2, "maxReplicas": 8, "behavior": {"scaleDown": down}}
    )
    assert pool(deployment(), hpa)["autoscale"] == {
        "minReplicas": 2,
        "maxReplicas": 8,
        "behavior": {
            "scaleDown": {
                "stabilizationWindow": "2m",
                "policies": [{"type": "Pods", "value": 1, "period": "1m30s"}],
            }
        },
    }


BEHAVIOR: Object = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Min",
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    },
    "scaleDown": {"stabilizationWindowSeconds": 600, "selectPolicy": "Disabled"},
}


def test_behavior_keeps_its_words() -> None:
    hpa = about("HorizontalPodAutoscaler", {"maxReplicas": 8, "behavior": BEHAVIOR})
    config = {"horizontalPodAutoscalerConfig": {"behavior": BEHAVIOR}}
    keda = about("ScaledObject", {"maxReplicaCount": 8, "cooldownPeriod": 60, "advanced": config})
    behaviors = [pool(deployment(), one)["autoscale"]["behavior"] for one in (hpa, keda)]
    assert (
        behaviors
        == [
            {
                "scaleUp": {
                    "stabilizationWindow": "0s",
                    "selectPolicy": "Min",
                    "policies": [{"type": "Percent", "value": 50, "period": "1m"}],
                },
                "scaleDown": {"stabilizationWindow": "10m", "selectPolicy": "Disabled"},
            }
        ]
        * 2
    )
    notes = said(convert([deployment(), keda]), "ScaledObject s cooldownPeriod")
    assert notes == ["changed: the last pod also goes after stabilizationWindow, 10m."]


def test_what_behavior_has_beyond_a_pool_is_said() -> None:
    up = {"tolerance": "5%", "policies": [{"type": "Pods", "value": 0, "periodSeconds": 60}]}
    hpa = about("HorizontalPodAutoscaler", {"maxReplicas": 8, "behavior": {"scaleUp": up}})
    conversion = convert([deployment(), hpa])
    (tolerance,) = said(conversion, "HorizontalPodAutoscaler s behavior.scaleUp.tolerance")
    assert tolerance.startswith("not supported")
    (policy,) = said(conversion, "HorizontalPodAutoscaler s behavior")
    assert policy.startswith("action required")


def test_growth_that_an_hpa_limits_by_itself_is_said() -> None:
    hpa = about("HorizontalPodAutoscaler", {"maxReplicas": 8})
    (note,) = said(convert([deployment(), hpa]), "HorizontalPodAutoscaler s behavior.scaleUp")
    assert note.startswith("changed: without policies an HPA adds 4 pods or doubles in 15 s")


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
