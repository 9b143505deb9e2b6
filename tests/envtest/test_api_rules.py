"""The rules of the API as users meet them: objects applied to a real API server."""

import pytest

from taskfleet.api import GROUP, KINDS, VERSION, KindInfo, Object
from tests.envtest.rules import CASES
from tests.envtest.rules.case import Case, build
from tests.tools.kube import MERGE, TYPES, Kube, RefusedError

DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}
NOT_CHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
cases = pytest.mark.parametrize("case", CASES, ids=str)
kinds = pytest.mark.parametrize("info", KINDS, ids=lambda info: info.kind)


def submit(kube: Kube, obj: Object) -> Object:
    """Create the object without keeping it."""
    return kube.request("POST", TYPES[obj["kind"]].path(obj["metadata"]["namespace"]), obj, query=DRY_RUN)


def submit_case(kube: Kube, namespace: str, case: Case, changes: Object) -> Object:
    """Create the object, or replace the one that was there before, without keeping the result."""
    obj = build(case.kind, changes, namespace=namespace)
    if case.before is None:
        return submit(kube, obj)
    path = TYPES[case.kind].path(namespace, obj["metadata"]["name"])
    if kube.get(case.kind, obj["metadata"]["name"], namespace) is None:
        kube.create(build(case.kind, case.before, namespace=namespace))
    live = kube.request("GET", path)
    return kube.request("PUT", path, {**live, "spec": obj["spec"]}, query=DRY_RUN)


def refusal(kube: Kube, obj: Object) -> str:
    """Return what the API server says against a new object."""
    with pytest.raises(RefusedError) as refused:
        submit(kube, obj)
    return refused.value.message


def without_notice(message: str) -> str:
    """Leave out that rules are not checked beside an error of type, which says nothing about the object."""
    if message.endswith(f", {NOT_CHECKED}]"):
        return message.removesuffix(f", {NOT_CHECKED}]").replace(" is invalid: [", " is invalid: ", 1)
    return message


@cases
def test_what_keeps_the_rule_is_let_in(kube: Kube, namespace: str, case: Case) -> None:
    assert submit_case(kube, namespace, case, case.accepted)["kind"] == case.kind


@cases
def test_what_breaks_the_rule_is_refused_with_the_way_out(kube: Kube, namespace: str, case: Case) -> None:
    with pytest.raises(RefusedError) as refused:
        submit_case(kube, namespace, case, case.rejected)
    assert without_notice(refused.value.message) == case.refusal


@kinds
@pytest.mark.parametrize("name", ["a", "a" * 40, "orders-2"], ids=["one-letter", "40-characters", "digits"])
def test_short_plain_names_are_let_in(kube: Kube, namespace: str, info: KindInfo, name: str) -> None:
    assert submit(kube, build(info.kind, {}, name=name, namespace=namespace))["metadata"]["name"] == name


@kinds
@pytest.mark.parametrize(
    "name", ["a" * 41, "2-orders", "orders.v2"], ids=["41-characters", "digit-first", "dot"]
)
def test_other_names_are_refused(kube: Kube, namespace: str, info: KindInfo, name: str) -> None:
    assert refusal(kube, build(info.kind, {}, name=name, namespace=namespace)) == (
        f'{info.kind}.{GROUP} "{name}" is invalid: metadata.name: Invalid value: "object": '
        f"the name {name} is not valid: use at most 40 characters, lower-case letters, digits and "
        "-, starting with a letter."
    )


def test_a_generated_name_is_checked_as_it_will_be(kube: Kube, namespace: str) -> None:
    obj = build("TaskQueue", {}, namespace=namespace)
    obj["metadata"] = {"generateName": "emails-", "namespace": namespace}
    assert submit(kube, obj)["metadata"]["name"].startswith("emails-")


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        pytest.param(
            "WorkerPool",
            {"autoscale": {"maxReplicas": 5}, "beat": {}},
            {
                "app": "proj",
                "image": "registry.example/app:1",
                "python": "python",
                "queueOrder": "Strict",
                "brokerRef": {"name": "default"},
                "autoscale": {
                    "minReplicas": 0,
                    "maxReplicas": 5,
                    "prewarm": True,
                    "mode": "Auto",
                },
                "acknowledge": "Late",
                "failures": {
                    "enabled": True,
                    "limit": 1000,
                    "retention": "168h",
                    "arguments": False,
                    "messages": False,
                },
                "beat": {},
                "suspend": False,
            },
            id="WorkerPool",
        ),
        pytest.param(
            "Broker",
            {"redis": {}},
            {
                "redis": {"storage": {"size": "1Gi", "retainOnDelete": True}, "maxMemory": "256Mi"},
                "visibilityTimeout": "1h",
                "prioritySteps": [0, 3, 6, 9],
                "separator": "\x06\x16",
            },
            id="Broker",
        ),
        pytest.param("TaskQueue", {}, {"brokerRef": {"name": "default"}}, id="TaskQueue"),
        pytest.param(
            "PeriodicSchedule",
            {},
            {
                "task": "proj.tasks.report",
                "interval": "10s",
                "brokerRef": {"name": "default"},
                "timeZone": "UTC",
                "suspend": False,
                "catchUp": "Latest",
            },
            id="PeriodicSchedule",
        ),
    ],
)
def test_defaults_are_filled_in(
    kube: Kube, namespace: str, kind: str, changes: Object, expected: Object
) -> None:
    assert submit(kube, build(kind, changes, namespace=namespace))["spec"] == expected


@kinds
def test_the_stored_defaults_are_the_models_defaults(kube: Kube, namespace: str, info: KindInfo) -> None:
    obj = build(info.kind, {}, namespace=namespace)
    assert info.model.parse(submit(kube, obj)).spec == info.model.parse(obj).spec  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["Broker", "TaskQueue"])
def test_a_spec_may_be_left_out(kube: Kube, namespace: str, kind: str) -> None:
    obj = build(kind, {}, namespace=namespace)
    full = submit(kube, obj)["spec"]
    del obj["spec"]
    assert submit(kube, obj)["spec"] == full


@kinds
def test_nothing_counts_as_looked_at_before_it_was(kube: Kube, namespace: str, info: KindInfo) -> None:
    assert kube.create(build(info.kind, {}, namespace=namespace))["status"]["observedGeneration"] == -1


@kinds
def test_a_misspelt_field_is_refused(kube: Kube, namespace: str, info: KindInfo) -> None:
    assert 'unknown field "spec.brokerref"' in refusal(
        kube, build(info.kind, {"brokerref": {}}, namespace=namespace)
    )


def test_a_pod_template_is_kept_as_it_is_written(kube: Kube, namespace: str) -> None:
    template = {"spec": {"containers": [{"name": "worker", "securityContext": {"runAsUser": 1000}}]}}
    obj = build("WorkerPool", {"template": template}, namespace=namespace)
    assert submit(kube, obj)["spec"]["template"] == template


def test_resources_are_written_as_in_a_pod(kube: Kube, namespace: str) -> None:
    resources = {"requests": {"cpu": "500m", "memory": "1.5Gi"}, "limits": {"cpu": 2}}
    obj = build("WorkerPool", {"resources": resources}, namespace=namespace)
    assert submit(kube, obj)["spec"]["resources"] == resources


def test_arguments_keep_their_nulls(kube: Kube, namespace: str) -> None:
    arguments = {"args": [None, {"a": None}], "kwargs": {"b": None, "c": {"d": None}}}
    stored = submit(kube, build("PeriodicSchedule", arguments, namespace=namespace))["spec"]
    assert {name: stored[name] for name in arguments} == arguments


def test_the_same_condition_twice_is_refused(kube: Kube, namespace: str) -> None:
    kube.create(build("TaskQueue", {}, namespace=namespace))
    ready = {"type": "Ready", "status": "True", "reason": "Observed"}
    status = {"status": {"conditions": [ready, ready]}}
    with pytest.raises(RefusedError, match=r'status\.conditions\[1\]: Duplicate value: {"type":"Ready"}'):
        kube.patch("TaskQueue", "subject", namespace, status, subresource="status")


def test_status_is_written_apart_from_the_spec(kube: Kube, namespace: str) -> None:
    kube.create(build("WorkerPool", {}, namespace=namespace))
    body = {"spec": {"suspend": True}, "status": {"replicas": 3}}
    after = kube.patch("WorkerPool", "subject", namespace, body, subresource="status")
    assert (after["spec"]["suspend"], after["status"]["replicas"]) == (False, 3)
    assert after["metadata"]["generation"] == 1


def test_scale_reads_and_writes_replicas(kube: Kube, namespace: str) -> None:
    kube.create(build("WorkerPool", {"replicas": 2}, namespace=namespace))
    status = {"status": {"replicas": 1, "selector": "taskfleet.dev/pool=subject"}}
    kube.patch("WorkerPool", "subject", namespace, status, subresource="status")
    kube.scale("WorkerPool", "subject", namespace, 5)
    scale = kube.request("GET", TYPES["WorkerPool"].path(namespace, "subject", "scale"))
    assert scale["spec"] == {"replicas": 5}
    assert scale["status"] == {"replicas": 1, "selector": "taskfleet.dev/pool=subject"}


def test_scale_is_refused_beside_autoscale_with_the_way_out(kube: Kube, namespace: str) -> None:
    kube.create(build("WorkerPool", {"autoscale": {"maxReplicas": 3}}, namespace=namespace))
    with pytest.raises(RefusedError, match="remove autoscale for a fixed size"):
        kube.scale("WorkerPool", "subject", namespace, 5)


def test_an_old_object_that_breaks_a_rule_still_takes_changes_elsewhere(kube: Kube, namespace: str) -> None:
    """A stale replicas beside autoscale stays through any other change."""
    kube.create(build("WorkerPool", {"replicas": 2}, namespace=namespace))
    path = TYPES["WorkerPool"].path(namespace, "subject")
    for change in ({"autoscale": {"maxReplicas": 3}}, {"suspend": True}, {"image": "registry.example/app:2"}):
        after = kube.request("PATCH", path, {"spec": change}, content_type=MERGE)
    assert (after["spec"]["replicas"], after["spec"]["suspend"]) == (2, True)


def test_the_category_holds_every_kind(kube: Kube) -> None:
    resources = kube.request("GET", f"/apis/{GROUP}/{VERSION}")["resources"]
    named = {one["kind"]: one for one in resources if "/" not in one["name"]}
    assert set(named) == {info.kind for info in KINDS}
    for info in KINDS:
        assert named[info.kind]["categories"] == ["taskfleet"]
        assert named[info.kind]["shortNames"] == list(info.short_names)
