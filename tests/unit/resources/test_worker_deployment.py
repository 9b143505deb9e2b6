from dataclasses import replace
from typing import Any

import pytest
from tests.unit.resources.objects import (
    INSTALLATION,
    deployment,
    external_broker,
    managed_broker,
    worker_pool,
)

from taskfleet.api import Broker, Object
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.worker_deployment import (
    INPUTS_HASH,
    TEMPLATE_HASH,
    Kept,
    seed_deployment,
    worker_deployment,
)
from taskfleet.resources.worker_pdb import worker_pdb

SELECTOR = {
    "taskfleet.dev/component": "worker",
    "taskfleet.dev/pool": "mail",
}
NEXT_VERSION = replace(INSTALLATION, runtime_image="registry.test/taskfleet-worker:2", version="2.0.0")


def hashes(built: Object) -> tuple[str, str]:
    annotations = built["metadata"]["annotations"]
    return annotations[INPUTS_HASH], annotations[TEMPLATE_HASH]


def inputs(broker: Broker | None = None, meta: Object | None = None, **spec: Any) -> str:
    return hashes(deployment(worker_pool(meta, **spec), broker))[0]


def test_size_is_left_to_its_one_writer() -> None:
    assert "replicas" not in deployment(worker_pool(replicas=5))["spec"]


def test_rollout_takes_no_capacity_away() -> None:
    spec = deployment(worker_pool())["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
    }


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param(
            {"type": "Recreate"}, {"type": "Recreate", "rollingUpdate": None}, id="recreate-after-another"
        ),
        pytest.param(
            {"rollingUpdate": {"maxUnavailable": 1}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            id="one-limit",
        ),
        pytest.param(
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}},
            id="both-limits",
        ),
    ],
)
def test_rollout_goes_as_the_spec_says(strategy: Object, expected: Object) -> None:
    assert deployment(worker_pool(strategy=strategy))["spec"]["strategy"] == expected


def test_children_belong_to_the_pool_and_block_no_deletion() -> None:
    metadata = deployment(worker_pool())["metadata"]
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "taskfleet.dev/v1alpha1",
            "kind": "WorkerPool",
            "name": "mail",
            "uid": "22222222-2222-2222-2222-222222222222",
            "controller": True,
        }
    ]


def test_labels_and_annotations_of_gitops_tools_are_not_copied() -> None:
    labels = {"app.kubernetes.io/instance": "shop", "kapp.k14s.io/app": "1"}
    annotations = {"argocd.argoproj.io/tracking-id": "shop:mail"}
    marked = deployment(worker_pool({"labels": labels, "annotations": annotations}))
    assert marked == deployment(worker_pool())


def test_the_users_own_labels_reach_the_deployment_and_neither_its_pods_nor_its_selector() -> None:
    marked = deployment(worker_pool({"labels": {"team": "a"}}))
    plain = deployment(worker_pool())
    assert marked["metadata"]["labels"] == {**plain["metadata"]["labels"], "team": "a"}
    assert marked["spec"] == plain["spec"]


def test_selector_matches_the_pods() -> None:
    built = deployment(worker_pool(template={"metadata": {"labels": {"taskfleet.dev/pool": "x"}}}))["spec"]
    assert built["selector"]["matchLabels"] == SELECTOR
    assert built["template"]["metadata"]["labels"].items() >= SELECTOR.items()


class TestInputs:
    @pytest.mark.parametrize(
        "spec",
        [
            pytest.param({"replicas": 5}, id="replicas"),
            pytest.param({"autoscale": {"maxReplicas": 5}}, id="autoscale"),
            pytest.param({"suspend": True}, id="suspend"),
            pytest.param({"beat": {}}, id="beat"),
            pytest.param({"strategy": {"type": "Recreate"}}, id="strategy"),
            pytest.param({"disruptionBudget": {"enabled": False}}, id="disruption-budget"),
            pytest.param({"acknowledge": "Late"}, id="default-written-out"),
            pytest.param({"template": {}}, id="empty-template"),
        ],
    )
    def test_do_not_change_with_what_never_reaches_a_pod(self, spec: dict[str, Any]) -> None:
        assert inputs(**spec) == inputs()

    @pytest.mark.parametrize(
        "spec",
        [
            pytest.param({"image": "registry.test/app:2"}, id="image"),
            pytest.param({"queues": ["a"]}, id="queues"),
            pytest.param({"template": {"spec": {"priorityClassName": "low"}}}, id="template"),
            pytest.param({"env": [{"name": "A", "value": "1"}]}, id="env"),
            pytest.param({"brokerRef": {"name": "other"}}, id="broker"),
        ],
    )
    def test_change_with_the_pods(self, spec: dict[str, Any]) -> None:
        assert inputs(**spec) != inputs()

    def test_change_with_what_the_broker_shares(self) -> None:
        assert inputs(external_broker(visibilityTimeout="2h")) != inputs(external_broker())
        assert inputs(external_broker()) != inputs(managed_broker())

    def test_do_not_change_with_the_brokers_own_size(self) -> None:
        assert inputs(managed_broker(maxMemory="1Gi")) == inputs(managed_broker())

    def test_change_when_an_upgrade_is_asked_for(self) -> None:
        assert inputs(meta={"annotations": {"taskfleet.dev/upgrade": "now"}}) != inputs()

    def test_are_the_same_however_a_duration_is_written(self) -> None:
        assert inputs(timeLimit="60m") == inputs(timeLimit="1h")


class TestUpgradedOperator:
    pool = worker_pool()
    binding = BrokerBinding.of(managed_broker())
    live = deployment(pool)
    next_built = worker_deployment(pool, binding, NEXT_VERSION)

    def test_keeps_the_pods_of_the_version_before(self) -> None:
        kept = Kept.of(self.live, self.next_built)
        assert kept is not None
        assert worker_deployment(self.pool, self.binding, NEXT_VERSION, kept=kept) == self.live

    def test_keeps_them_without_claiming_what_the_api_server_left_empty(self) -> None:
        template = self.live["spec"]["template"]
        read_back = template["metadata"] | {"creationTimestamp": None}
        live = self.live | {"spec": self.live["spec"] | {"template": template | {"metadata": read_back}}}
        kept = Kept.of(live, self.next_built)
        assert kept is not None
        assert kept.template == template

    def test_replaces_them_when_the_spec_changes(self) -> None:
        changed = worker_deployment(worker_pool(image="registry.test/app:2"), self.binding, NEXT_VERSION)
        assert Kept.of(self.live, changed) is None

    def test_replaces_them_when_an_upgrade_is_asked_for(self) -> None:
        asked = worker_pool({"annotations": {"taskfleet.dev/upgrade": "now"}})
        assert Kept.of(self.live, worker_deployment(asked, self.binding, NEXT_VERSION)) is None

    def test_has_nothing_to_keep_when_it_builds_the_same(self) -> None:
        assert Kept.of(self.live, deployment(self.pool)) is None

    def test_has_nothing_to_keep_of_a_seed(self) -> None:
        assert Kept.of(seed_deployment(self.pool, replicas=1), self.next_built) is None


class TestSeed:
    def test_starts_nothing(self) -> None:
        spec = seed_deployment(worker_pool(), replicas=3)["spec"]
        assert (spec["replicas"], spec["paused"]) == (3, True)
        assert deployment(worker_pool())["spec"]["paused"] is False

    def test_is_the_same_object_as_the_full_deployment(self) -> None:
        seed, full = seed_deployment(worker_pool(), replicas=0), deployment(worker_pool())
        for field in ("name", "namespace", "labels", "ownerReferences"):
            assert seed["metadata"][field] == full["metadata"][field]
        assert seed["spec"]["selector"] == full["spec"]["selector"]


class TestDisruptionBudget:
    def test_lets_a_quarter_go_and_the_unready_always(self) -> None:
        budget = worker_pdb(worker_pool(replicas=4))
        assert budget is not None
        assert budget["metadata"]["name"] == "mail-worker"
        assert budget["spec"] == {
            "maxUnavailable": "25%",
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": SELECTOR},
        }

    def test_its_limit_is_that_of_the_spec(self) -> None:
        budget = worker_pdb(worker_pool(replicas=4, disruptionBudget={"maxUnavailable": 1}))
        assert budget is not None
        assert budget["spec"]["maxUnavailable"] == 1

    @pytest.mark.parametrize(
        ("spec", "has_one"),
        [
            pytest.param({}, False, id="one-pod-by-default"),
            pytest.param({"disruptionBudget": {}}, False, id="one-pod-and-no-limit"),
            pytest.param({"disruptionBudget": {"maxUnavailable": 0}}, True, id="one-pod-that-may-not-go"),
            pytest.param({"replicas": 4, "disruptionBudget": {"enabled": False}}, False, id="not-wanted"),
            pytest.param({"replicas": 0}, False, id="no-pod"),
            pytest.param({"replicas": 2}, True, id="two-pods"),
            pytest.param({"autoscale": {"maxReplicas": 1}}, False, id="scales-to-one"),
            pytest.param({"autoscale": {"maxReplicas": 2}, "replicas": 1}, True, id="scales-to-two"),
            pytest.param({"replicas": 2, "suspend": True}, True, id="suspended"),
        ],
    )
    def test_only_where_there_can_be_more_than_one_pod(self, spec: dict[str, Any], has_one: bool) -> None:
        assert (worker_pdb(worker_pool(**spec)) is not None) is has_one


def test_pods_tell_which_template_they_were_made_from() -> None:
    built = deployment(worker_pool())
    assert built["spec"]["template"]["metadata"]["annotations"][TEMPLATE_HASH] == hashes(built)[1]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        pytest.param("app", "Always", id="no-tag"),
        pytest.param("app:latest", "Always", id="latest"),
        pytest.param("app:1", "IfNotPresent", id="a-tag"),
        pytest.param("registry.example:5000/app", "Always", id="a-port-is-no-tag"),
        pytest.param("registry.example:5000/app:1", "IfNotPresent", id="a-port-and-a-tag"),
        pytest.param("app@sha256:0", "IfNotPresent", id="a-digest"),
        pytest.param("app:latest@sha256:0", "Always", id="latest-and-a-digest"),
    ],
)
def test_the_pull_policy_follows_the_image_as_that_of_a_fresh_pod_does(image: str, policy: str) -> None:
    template = {"spec": {"containers": [{"name": "sidecar", "image": image}]}}
    built = deployment(worker_pool(image=image, template=template))["spec"]["template"]["spec"]
    assert {each["name"]: each["imagePullPolicy"] for each in built["containers"]} == {
        "worker": policy,
        "sidecar": policy,
    }
