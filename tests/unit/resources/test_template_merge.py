from typing import Any

import pytest

from taskfleet.resources.errors import SpecError
from taskfleet.resources.template_merge import merge_template


def merged_worker(built: dict[str, Any], user: dict[str, Any]) -> Any:
    """The worker container of a pod template after the merge."""
    merged = merge_template(
        {"spec": {"containers": [{"name": "worker"} | built]}},
        {"spec": {"containers": [{"name": "worker"} | user]}},
        path="spec.template",
    )
    return merged["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("built", "user", "expected"),
    [
        pytest.param({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}, id="maps-merge"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="the-users-value-wins"),
        pytest.param({"a": 1, "b": 2}, {"a": None}, {"b": 2}, id="null-takes-away-what-was-built"),
        pytest.param({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}, id="no-null-is-left-in-a-new-map"),
        pytest.param(
            {"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}, id="other-lists-are-replaced"
        ),
        pytest.param(
            {"containers": [{"name": "worker", "securityContext": {"a": 1, "b": 2}}]},
            {"containers": [{"name": "worker", "securityContext": {"a": None}}]},
            {"containers": [{"name": "worker", "securityContext": {"b": 2}}]},
            id="null-inside-a-container",
        ),
        pytest.param(
            {"imagePullSecrets": [{"name": "a"}]},
            {"imagePullSecrets": [{"name": "b"}, {"name": "a"}]},
            {"imagePullSecrets": [{"name": "a"}, {"name": "b"}]},
            id="pull-secrets-merge-by-name",
        ),
        pytest.param(
            {"tolerations": [{"key": "a"}, {"key": "b"}]},
            {"tolerations": [{"key": "b"}, {"key": "c"}]},
            {"tolerations": [{"key": "a"}, {"key": "b"}, {"key": "c"}]},
            id="tolerations-are-added-once",
        ),
        pytest.param(
            {"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "x", "emptyDir": {}}]},
            {"volumes": [{"name": "tmp", "configMap": {"name": "c"}}]},
            {"volumes": [{"name": "x", "emptyDir": {}}, {"name": "tmp", "configMap": {"name": "c"}}]},
            id="a-volume-is-replaced-as-a-whole",
        ),
        pytest.param(
            {
                "topologySpreadConstraints": [
                    {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}
                ]
            },
            {
                "topologySpreadConstraints": [
                    {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1}
                ]
            },
            {
                "topologySpreadConstraints": [
                    {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1},
                    {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1},
                ]
            },
            id="a-key-of-two-fields",
        ),
        pytest.param(
            {"affinity": {}}, {"nodeSelector": {}}, {"affinity": {}, "nodeSelector": {}}, id="empty-maps-stay"
        ),
    ],
)
def test_merge(built: dict[str, Any], user: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_template(built, user, path="spec.template") == expected


def test_containers_merge_by_name_and_sidecars_follow() -> None:
    merged = merge_template(
        {"spec": {"containers": [{"name": "worker", "image": "app", "resources": {"limits": {"cpu": "1"}}}]}},
        {
            "spec": {
                "containers": [
                    {"name": "proxy", "image": "proxy"},
                    {"name": "worker", "resources": {"limits": {"memory": "1Gi"}}},
                ]
            }
        },
        path="spec.template",
    )
    assert merged["spec"]["containers"] == [
        {"name": "worker", "image": "app", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}},
        {"name": "proxy", "image": "proxy"},
    ]


def test_a_users_variable_replaces_its_source_and_comes_after_what_it_may_refer_to() -> None:
    worker = merged_worker(
        {
            "env": [
                {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "url"}}},
                {"name": "POD", "value": "p"},
            ]
        },
        {"env": [{"name": "PASSWORD", "value": "x"}, {"name": "URL", "value": "redis://:$(PASSWORD)@host"}]},
    )
    assert worker["env"] == [
        {"name": "POD", "value": "p"},
        {"name": "PASSWORD", "value": "x"},
        {"name": "URL", "value": "redis://:$(PASSWORD)@host"},
    ]


def test_mounts_merge_by_path_so_another_volume_can_take_the_place() -> None:
    worker = merged_worker(
        {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
        {
            "volumeMounts": [
                {"name": "scratch", "mountPath": "/tmp"},
                {"name": "scratch", "mountPath": "/data"},
            ]
        },
    )
    assert worker["volumeMounts"] == [
        {"name": "scratch", "mountPath": "/tmp"},
        {"name": "scratch", "mountPath": "/data"},
    ]


def test_ports_without_protocol_are_tcp() -> None:
    worker = merged_worker(
        {"ports": [{"containerPort": 53, "protocol": "TCP"}]},
        {"ports": [{"containerPort": 53, "name": "dns"}, {"containerPort": 53, "protocol": "UDP"}]},
    )
    assert worker["ports"] == [
        {"containerPort": 53, "protocol": "TCP", "name": "dns"},
        {"containerPort": 53, "protocol": "UDP"},
    ]


def test_neither_side_is_changed_by_the_merge() -> None:
    built = {"spec": {"containers": [{"name": "worker", "env": [{"name": "A", "value": "1"}]}]}}
    user = {"spec": {"containers": [{"name": "worker", "env": [{"name": "B", "value": "2"}]}]}}
    merge_template(built, user, path="spec.template")
    assert built == {"spec": {"containers": [{"name": "worker", "env": [{"name": "A", "value": "1"}]}]}}
    assert user == {"spec": {"containers": [{"name": "worker", "env": [{"name": "B", "value": "2"}]}]}}


@pytest.mark.parametrize(
    ("user", "field", "problem"),
    [
        pytest.param(
            {"spec": {"$patch": "replace"}},
            "spec.$patch",
            ": patch directives are not supported. Remove the directive. To replace or remove a "
            "value, set the new value or null.",
            id="patch-directive",
        ),
        pytest.param(
            {"spec": {"volumes": [{"$patch": "delete", "name": "tmp"}]}},
            "spec.volumes[0].$patch",
            ": patch directives are not supported. Remove the directive. To replace or remove a "
            "value, set the new value or null.",
            id="patch-directive-in-a-list",
        ),
        pytest.param(
            {"spec": {"containers": [{"image": "x"}]}},
            "spec.containers[0]",
            " has no name, which identifies the entries of containers. Add it.",
            id="container-without-name",
        ),
        pytest.param(
            {"spec": {"containers": ["x"]}},
            "spec.containers[0]",
            " has no name, which identifies the entries of containers. Add it.",
            id="container-that-is-no-map",
        ),
        pytest.param(
            {"spec": {"volumes": [{"name": "a"}, {"name": "a"}]}},
            "spec.volumes[1]",
            " is a duplicate (name 'a'). Remove one of the entries.",
            id="key-given-twice",
        ),
        pytest.param(
            {"spec": {"containers": {"name": "x"}}},
            "spec.containers",
            " is {'name': 'x'}, but must be a list. Write it as in a pod template.",
            id="map-for-a-list",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "worker", "resources": {"limits": {"cpu": "lots"}}}]}},
            "spec.containers[0].resources.limits.cpu",
            " is 'lots', which is not a valid quantity. Use a value such as 500m, 2 or 1Gi.",
            id="no-quantity",
        ),
        pytest.param(
            {"spec": "x"},
            "spec",
            " is 'x', but must be a map. Write it as in a pod template.",
            id="text-for-a-map",
        ),
    ],
)
def test_what_cannot_be_merged_is_named(user: dict[str, Any], field: str, problem: str) -> None:
    built = {"spec": {"containers": [{"name": "worker"}], "volumes": [{"name": "tmp", "emptyDir": {}}]}}
    with pytest.raises(SpecError) as error:
        merge_template(built, user, path="spec.template")
    assert str(error.value) == f"spec.template.{field}{problem}"
