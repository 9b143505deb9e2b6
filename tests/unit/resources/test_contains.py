from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskfleet.resources.contains import contains, first_difference

Json = Any


def container(**fields: Any) -> Json:
    return {"spec": {"containers": [{"name": "worker"} | fields]}}


@pytest.mark.parametrize(
    ("live", "built"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1}, id="field-of-somebody-else"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, id="nested-field-of-somebody-else"),
        pytest.param(
            {},
            {"a": None, "b": [], "c": {}, "d": "", "paused": False, "minReadySeconds": 0},
            id="empty-is-absent",
        ),
        pytest.param(
            container(resources={"limits": {"cpu": "1", "memory": "1Gi"}}),
            container(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}}),
            id="quantities-by-value",
        ),
        pytest.param(
            {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]},
            {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}}]},
            id="size-limit-by-value",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "injected"}, {"name": "worker", "image": "a"}]}},
            container(image="a"),
            id="injected-sidecar",
        ),
        pytest.param(
            container(ports=[{"containerPort": 9817, "name": "taskfleet", "protocol": "TCP"}]),
            container(ports=[{"containerPort": 9817, "name": "taskfleet"}]),
            id="default-protocol",
        ),
        pytest.param(
            {
                "spec": {
                    "ports": [
                        {"port": 1, "protocol": "TCP", "targetPort": 1},
                        {"port": 6379, "protocol": "TCP", "targetPort": "redis"},
                    ]
                }
            },
            {"spec": {"ports": [{"port": 6379, "targetPort": "redis"}]}},
            id="service-port-among-others",
        ),
        pytest.param(
            container(env=[{"name": "B", "value": "2"}, {"name": "A"}]),
            container(env=[{"name": "A", "value": ""}]),
            id="variable-with-an-empty-value",
        ),
        pytest.param(
            {"tolerations": [{"key": "x"}, {"key": "a", "operator": "Exists"}]},
            {"tolerations": [{"key": "a", "operator": "Exists"}]},
            id="toleration-among-others",
        ),
        pytest.param(
            {
                "volumeClaimTemplates": [
                    {"spec": {"resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"}}
                ]
            },
            {"volumeClaimTemplates": [{"spec": {"resources": {"requests": {"storage": "1024Mi"}}}}]},
            id="defaults-inside-a-list-without-keys",
        ),
    ],
)
def test_contained(live: Json, built: Json) -> None:
    assert first_difference(live, built) is None
    assert contains(live, built)


@pytest.mark.parametrize(
    ("live", "built", "path"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b", id="another-value"),
        pytest.param({"a": {}}, {"a": {"b": 2}}, "a.b", id="missing-value"),
        pytest.param({"a": "x"}, {"a": {"b": 2}}, "a", id="no-map"),
        pytest.param(
            {"spec": {"selector": {"app": "x", "pod": "y"}}},
            {"spec": {"selector": {"app": "x"}}},
            "spec.selector",
            id="narrower-selector",
        ),
        pytest.param({"a": "x"}, {"a": ["x"]}, "a", id="no-list"),
        pytest.param(
            container(args=["a", "b"]),
            container(args=["b", "a"]),
            "spec.containers[0].args[0]",
            id="order-of-args",
        ),
        pytest.param(
            container(args=["a", "b"]),
            container(args=["a"]),
            "spec.containers[0].args",
            id="one-argument-more",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "x"}]}}, container(), "spec.containers[0]", id="container-gone"
        ),
        pytest.param(
            container(env=[{"name": "A", "value": "1"}]),
            container(env=[{"name": "A", "value": "2"}]),
            "spec.containers[0].env[0].value",
            id="variable-changed",
        ),
        pytest.param(
            container(resources={"limits": {"cpu": "2"}}),
            container(resources={"limits": {"cpu": "1"}}),
            "spec.containers[0].resources.limits.cpu",
            id="another-amount",
        ),
        pytest.param(
            container(resources={"limits": {}}),
            container(resources={"limits": {"cpu": "1"}}),
            "spec.containers[0].resources.limits.cpu",
            id="amount-gone",
        ),
        pytest.param(
            {"volumes": [{"name": "tmp", "hostPath": {"path": "/"}}]},
            {"volumes": [{"name": "tmp", "emptyDir": {}}]},
            "volumes[0].emptyDir",
            id="another-kind-of-volume",
        ),
        pytest.param({"paused": True}, {"paused": False}, "paused", id="paused-by-somebody"),
        pytest.param(
            {},
            {"allowPrivilegeEscalation": False},
            "allowPrivilegeEscalation",
            id="false-that-is-not-the-default",
        ),
        pytest.param(
            {"tolerations": [{"key": "b"}]},
            {"tolerations": [{"key": "a"}]},
            "tolerations[0]",
            id="toleration-gone",
        ),
        pytest.param({"maxSurge": "25%"}, {"maxSurge": 25}, "maxSurge", id="percentage-and-number"),
    ],
)
def test_first_difference(live: Json, built: Json, path: str) -> None:
    assert first_difference(live, built) == path
    assert not contains(live, built)


leaves = st.text(min_size=1, max_size=5) | st.integers(1, 9) | st.just(True)
fields = st.sampled_from(["image", "spec", "metadata", "labels", "affinity", "args"])


def objects(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    plain = st.dictionaries(fields, children, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from("abcd"), children, min_size=1)
    containers = named.map(lambda entries: {"containers": [{"name": n, "x": entries[n]} for n in entries]})
    return (
        plain | containers | st.lists(children, min_size=1, max_size=2).map(lambda entries: {"args": entries})
    )


trees = objects(st.recursive(leaves, objects, max_leaves=8))


def extended(value: Json) -> Json:
    """The same with fields and keyed entries that somebody else added."""
    if isinstance(value, dict):
        return {"foreign": 1} | {key: _extended_list(key, entry) for key, entry in value.items()}
    return value


def _extended_list(key: str, value: Json) -> Json:
    if isinstance(value, list):
        entries = [extended(entry) for entry in value]
        return [{"name": "foreign"}, *reversed(entries)] if key == "containers" else entries
    return extended(value)


def paths(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each leaf is."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, entry in items for leaf in paths(entry, (*path, key))]
    return [path]


@given(trees)
def test_what_others_add_never_matters(built: Json) -> None:
    assert first_difference(extended(built), built) is None


@given(trees, st.data())
def test_any_changed_value_is_found(built: Json, data: st.DataObject) -> None:
    *parents, last = data.draw(st.sampled_from(paths(built)))
    live = deepcopy(built)
    target = live
    for key in parents:
        target = target[key]
    target[last] = "changed by somebody"
    assert not contains(live, built)
