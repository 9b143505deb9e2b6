"""The chart's policy by which a request names the user who makes it, on a real API server."""

import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from taskfleet.api import Object
from taskfleet.api.annotations import FAILED_TASKS, FORGET, REQUESTED_BY, REQUEUE, TRIGGER
from tests.envtest.rules.case import build
from tests.tools.cluster import programs
from tests.tools.installation import CHART
from tests.tools.kube import Kube, RefusedError
from tests.tools.waiting import wait_for


@pytest.fixture
def tenant(kube: Kube, namespace: str) -> Iterator[str]:
    """A namespace in which the policy holds."""
    kube.patch("Namespace", namespace, None, {"metadata": {"labels": {"tenant": namespace}}})
    policy, binding = _rendered()
    binding["spec"]["matchResources"] = {"namespaceSelector": {"matchLabels": {"tenant": namespace}}}
    for obj in (policy, binding):
        kube.apply(obj)
    kube.create(build("WorkerPool", {}, name="probe", namespace=namespace))
    # The API server takes a moment to know a new policy, and refuses only what is new.
    wait_for(
        lambda: refused(
            kube, "WorkerPool", namespace, annotated(**{REQUEUE: secrets.token_hex(4)}), name="probe"
        ),
        30,
        what="the policy",
    )
    yield namespace
    for obj in (policy, binding):
        kube.delete(obj["kind"], obj["metadata"]["name"])


def _rendered() -> list[Object]:
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    result = subprocess.run(
        [*command, "--set=requestPolicy.enabled=true", "--show-only=templates/request-policy.yaml"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [obj for obj in yaml.safe_load_all(result.stdout) if obj]


def who_am_i(kube: Kube) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = kube.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return str(answer["status"]["userInfo"]["username"])


def refused(kube: Kube, kind: str, namespace: str, patch: Object, *, name: str = "subject") -> bool:
    try:
        kube.patch(kind, name, namespace, patch)
    except RefusedError as error:
        if "must name the user who makes the request" not in error.message:
            raise
        return True
    return False


def annotated(**annotations: Any) -> Object:
    return {"metadata": {"annotations": annotations}}


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        pytest.param("WorkerPool", annotated(**{REQUEUE: "one"}), id="requeue"),
        pytest.param("WorkerPool", annotated(**{FORGET: "one"}), id="forget"),
        pytest.param("WorkerPool", annotated(**{FAILED_TASKS: "one retry all"}), id="retry"),
        pytest.param("PeriodicSchedule", annotated(**{TRIGGER: "one"}), id="trigger"),
        pytest.param("TaskQueue", {"spec": {"purge": "one"}}, id="purge"),
    ],
)
def test_a_request_names_the_user_who_makes_it(kube: Kube, tenant: str, kind: str, request_: Object) -> None:
    kube.create(build(kind, {}, namespace=tenant))
    annotations: Object = request_.get("metadata", {}).get("annotations", {})
    for user, expected in (("eve", True), (who_am_i(kube), False)):
        signed = {**request_, **annotated(**{**annotations, REQUESTED_BY: user})}
        assert refused(kube, kind, tenant, signed) is expected


def test_the_name_beside_a_request_stays(kube: Kube, tenant: str) -> None:
    kube.create(build("WorkerPool", {}, namespace=tenant))
    assert not refused(
        kube, "WorkerPool", tenant, annotated(**{REQUEUE: "one", REQUESTED_BY: who_am_i(kube)})
    )
    assert refused(kube, "WorkerPool", tenant, annotated(**{REQUESTED_BY: "eve"}))
    assert refused(kube, "WorkerPool", tenant, annotated(**{REQUESTED_BY: None}))
    assert not refused(kube, "WorkerPool", tenant, {"spec": {"suspend": True}})
    assert not refused(kube, "WorkerPool", tenant, annotated(**{REQUEUE: None, REQUESTED_BY: None}))
