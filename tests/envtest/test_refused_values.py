"""A value that the API server takes in ours and refuses in a child is told with the user's field, and what to do."""

from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import broker
from tests.envtest.conditions import condition
from tests.envtest.pools import worker_pool
from tests.tools.kube import Kube, RefusedError
from tests.tools.waiting import wait_for

pytestmark = pytest.mark.usefixtures("shared_operator")


def pod(**spec: Any) -> Object:
    return {"template": {"spec": spec}}


def container(name: str = "worker", **fields: Any) -> Object:
    return pod(containers=[{"name": name, **({} if name == "worker" else {"image": "x"}), **fields}])


POOLS: list[tuple[Object, str]] = [
    ({"env": [{"name": "A", "value": "1"}, {"name": "a=b", "value": "1"}]}, "spec.env[1].name"),
    ({"env": [{"name": "A", "valueFrom": {}}]}, "spec.env[0].valueFrom"),
    (
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
        "spec.env[0].valueFrom.fieldRef",
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x"}}}]},
        "spec.env[0].valueFrom.secretKeyRef.key",
    ),
    ({"envFrom": [{"prefix": "a=", "secretRef": {"name": "x"}}]}, "spec.envFrom[0].prefix"),
    ({"image": " x"}, "spec.image"),
    ({"resources": {"limits": {"cpu": "-1"}}}, "spec.resources.limits"),
    ({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}, "spec.resources.requests"),
    ({"resources": {"limits": {"a b": "1"}}}, "spec.resources.limits"),
    ({"resources": {"requests": {"nvidia.com/gpu": "1"}}}, "spec.resources.limits"),
    (pod(volumes=[{"name": "Bad_Name", "emptyDir": {}}]), "spec.template.spec.volumes[0].name"),
    (
        pod(volumes=[{"name": "a"}, {"name": "b", "hostPath": {}}]),
        "spec.template.spec.volumes[1].hostPath.path",
    ),
    (
        container("sidecar", ports=[{"containerPort": 99999}]),
        "spec.template.spec.containers[0].ports[0].containerPort",
    ),
    (container("Side_Car"), "spec.template.spec.containers[0].name"),
    (
        container(volumeMounts=[{"name": "none", "mountPath": "/x"}]),
        "spec.template.spec.containers[0].volumeMounts[0].name",
    ),
    (
        container(securityContext={"runAsUser": -1}),
        "spec.template.spec.containers[0].securityContext.runAsUser",
    ),
    (pod(restartPolicy="Never"), "spec.template.spec.restartPolicy"),
    (pod(tolerations=[{"key": "a", "operator": "In"}]), "spec.template.spec.tolerations[0].operator"),
    (pod(nodeSelector={"a b": "c"}), "spec.template.spec.nodeSelector"),
    (pod(hostAliases=[{"ip": "x", "hostnames": ["a"]}]), "spec.template.spec.hostAliases[0].ip"),
    (pod(activeDeadlineSeconds=-1), "spec.template.spec.activeDeadlineSeconds"),
    (pod(dnsPolicy="None"), "spec.template.spec.dnsConfig"),
    (pod(serviceAccountName="A_b"), "spec.template.spec.serviceAccountName"),
    ({"template": {"metadata": {"labels": {"a": "b c"}}}}, "spec.template.metadata.labels"),
    ({"template": {"metadata": {"annotations": {"a b": "c"}}}}, "spec.template.metadata.annotations"),
]
BROKERS: list[tuple[Object, str]] = [
    ({"image": " x"}, "spec.redis.image"),
    ({"resources": {"limits": {"memory": "-1"}}}, "spec.redis.resources.limits"),
    ({"resources": {"limits": {"a b": "1"}}}, "spec.redis.resources.limits"),
    (pod(volumes=[{"name": "Bad_Name", "emptyDir": {}}]), "spec.redis.template.spec.volumes[0].name"),
    (pod(tolerations=[{"operator": "In"}]), "spec.redis.template.spec.tolerations[0].operator"),
    ({"template": {"metadata": {"labels": {"a": "b c"}}}}, "spec.redis.template.metadata.labels"),
]


def objects(namespace: str) -> list[tuple[Object, str]]:
    pools = [(worker_pool(namespace, f"p{at}", **spec), field) for at, (spec, field) in enumerate(POOLS)]
    brokers = [
        (broker(namespace, redis=spec) | {"metadata": {"name": f"b{at}", "namespace": namespace}}, field)
        for at, (spec, field) in enumerate(BROKERS)
    ]
    return pools + brokers


def verdict(kube: Kube, obj: Object) -> str:
    """What the user is told: at apply, or by the condition."""
    try:
        kube.apply(obj)
    except RefusedError as error:
        return error.message

    def stalled() -> str:
        live = kube.get(obj["kind"], obj["metadata"]["name"], obj["metadata"]["namespace"]) or {}
        told = condition(live, "Stalled")
        return told["message"] if told.get("status") == "True" else ""

    try:
        return wait_for(stalled, 15, what="Stalled")
    except AssertionError:
        return "is accepted"


def test_refusals_name_the_users_field(kube: Kube, namespace: str) -> None:
    told = [(field, verdict(kube, obj)) for obj, field in objects(namespace)]
    wrong = [
        f"{field}: {said}" for field, said in told if field not in said or "is invalid: spec.template" in said
    ]
    assert not wrong, "\n".join(wrong)
