"""The chart's policies for tenants, on a real API server."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from taskfleet.api import Object
from tests.envtest.rules.case import build
from tests.tools.cluster import programs
from tests.tools.installation import CHART
from tests.tools.kube import TYPES, Kube, RefusedError
from tests.tools.waiting import wait_for

RULE = {
    "name": "tenants",
    "registries": ["registry.example/", "mirror.example/"],
    "maxReplicas": 5,
    "serviceAccounts": ["worker"],
    "brokerSecrets": ["company"],
}
DRY_RUN = {"dryRun": "All"}


@pytest.fixture
def tenant(kube: Kube, namespace: str) -> Iterator[str]:
    """A namespace in which the rule holds."""
    kube.patch("Namespace", namespace, None, {"metadata": {"labels": {"tenant": namespace}}})
    selector = {"matchLabels": {"tenant": namespace}}
    objects = _rendered([{**RULE, "namespaceSelector": selector}])
    for obj in objects:
        kube.apply(obj)
    yield namespace
    for obj in objects:
        kube.delete(obj["kind"], obj["metadata"]["name"])


def _rendered(rules: list[Object]) -> list[Object]:
    values = yaml.safe_dump({"admissionPolicy": {"enabled": True, "rules": rules}})
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    result = subprocess.run(
        [*command, "--values=-", "--show-only=templates/admission-policy.yaml"],
        input=values,
        check=True,
        capture_output=True,
        text=True,
    )
    return [obj for obj in yaml.safe_load_all(result.stdout) if obj]


def refusal(kube: Kube, obj: Object) -> str:
    """What the API server says; empty where it takes the object."""
    try:
        kube.request("POST", TYPES[obj["kind"]].path(obj["metadata"]["namespace"]), obj, query=DRY_RUN)
    except RefusedError as error:
        return error.message
    return ""


def pool(namespace: str, **spec: Any) -> Object:
    return build("WorkerPool", spec, namespace=namespace)


def broker(namespace: str, **spec: Any) -> Object:
    return build("Broker", spec, namespace=namespace)


def test_a_tenant_gets_what_the_rule_allows_and_nothing_else(
    kube: Kube, tenant: str, shared_namespace: str
) -> None:
    foreign = {"image": "elsewhere.example/app:1"}
    # The API server takes a moment to know a new policy.
    wait_for(lambda: refusal(kube, pool(tenant, **foreign)), 30, what="the policy")
    sidecar = {"spec": {"containers": [{"name": "sidecar", "image": "elsewhere.example/x"}]}}
    external = {"urlSecretRef": {"name": "other", "key": "url"}}
    refused = {
        "images of this namespace come from registry.example/, mirror.example/": [
            pool(tenant, **foreign),
            pool(tenant, template=sidecar),
            broker(tenant, redis={"image": "elsewhere.example/redis"}),
            pool(tenant, beat={"template": sidecar}),
            broker(tenant, redis={"template": sidecar}),
            broker(tenant, schedules={"template": sidecar}),
        ],
        "a pool of this namespace has at most 5 replicas": [
            pool(tenant, replicas=6),
            pool(tenant, autoscale={"maxReplicas": 6}),
        ],
        "pods of this namespace run as one of the service accounts worker": [
            pool(tenant, template={"spec": {"serviceAccountName": "admin"}}),
            pool(tenant, template={"spec": {"serviceAccount": "admin"}}),
            pool(tenant, beat={"template": {"spec": {"serviceAccountName": "admin"}}}),
            broker(tenant, redis={"template": {"spec": {"serviceAccountName": "admin"}}}),
            broker(tenant, schedules={"template": {"spec": {"serviceAccount": "admin"}}}),
        ],
        "stands in one of the Secrets company": [
            broker(tenant, external=external),
            broker(tenant, external={"scheme": "redis", "host": "cache"}),
            broker(
                tenant,
                external={
                    "scheme": "redis",
                    "hostFrom": {"secretKeyRef": {"name": "other", "key": "host"}},
                    "passwordSecretRef": {"name": "company", "key": "password"},
                },
            ),
        ],
    }
    for said, objects in refused.items():
        for obj in objects:
            assert said in refusal(kube, obj), obj["spec"]
    for obj in (
        pool(tenant),
        pool(
            tenant, image="mirror.example/a", replicas=5, template={"spec": {"serviceAccountName": "worker"}}
        ),
        pool(tenant, autoscale={"maxReplicas": 5}),
        pool(tenant, beat={"template": {"spec": {"serviceAccountName": "worker"}}}),
        broker(tenant),
        broker(tenant, external={"urlSecretRef": {"name": "company", "key": "url"}}),
        broker(
            tenant,
            external={
                "scheme": "redis",
                "host": "cache",
                "passwordSecretRef": {"name": "company", "key": "password"},
            },
        ),
        pool(shared_namespace, **foreign),
    ):
        assert refusal(kube, obj) == "", obj["spec"]


def test_scaling_is_no_way_around_the_maximum(kube: Kube, tenant: str) -> None:
    wait_for(lambda: refusal(kube, pool(tenant, replicas=6)), 30, what="the policy")
    kube.create(pool(tenant, replicas=1))
    with pytest.raises(RefusedError, match="at most 5 replicas"):
        kube.scale("WorkerPool", "subject", tenant, 6)
    kube.scale("WorkerPool", "subject", tenant, 5)
