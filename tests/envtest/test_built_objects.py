"""What the builders make, on a real API server: accepted, found again unchanged, and Restricted."""

import json
from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.resources.contains import first_difference
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.worker_deployment import Kept, seed_deployment, worker_deployment
from tests.tools.kube import APPLY, TYPES, Kube
from tests.unit.resources.cases import CASES
from tests.unit.resources.objects import INSTALLATION, deployment, managed_broker, worker_pool

EVERY = [(case, built) for case, objects in CASES.items() for built in objects]
WITH_PODS = [(case, built) for case, built in EVERY if "template" in built.get("spec", {})]


def named(cases: list[tuple[str, Object]]) -> pytest.MarkDecorator:
    ids = [f"{case}-{built['kind']}" for case, built in cases]
    return pytest.mark.parametrize("built", [built for _, built in cases], ids=ids)


def ours(built: Object, namespace: str) -> Object:
    """The same in the test's namespace, without an owner: one that is not there would have it collected."""
    copy: Any = json.loads(json.dumps(built))
    copy["metadata"]["namespace"] = namespace
    copy["metadata"].pop("ownerReferences", None)
    return dict(copy)


def apply(kube: Kube, built: Object, manager: str) -> Object:
    """Server-side apply as the operator does it."""
    path = TYPES[built["kind"]].path(built["metadata"]["namespace"], built["metadata"]["name"])
    query = {"fieldManager": manager, "force": "true"}
    return kube.request("PATCH", path, built, content_type=APPLY, query=query)


@named(EVERY)
def test_applied_object_contains_what_was_built(kube: Kube, namespace: str, built: Object) -> None:
    built = ours(built, namespace)
    apply(kube, built, "taskfleet")
    live = kube.get(built["kind"], built["metadata"]["name"], namespace)
    assert live is not None
    assert first_difference(live, built) is None


@named(WITH_PODS)
def test_pods_are_accepted_where_the_restricted_profile_is_enforced(
    kube: Kube, namespace: str, built: Object
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.patch("Namespace", namespace, None, {"metadata": {"labels": labels}})
    template = ours(built, namespace)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"] = {**template["metadata"], "generateName": "restricted-"}
    volumes = {mount["name"] for each in pod["spec"]["containers"] for mount in each.get("volumeMounts", [])}
    claimed = volumes - {volume["name"] for volume in pod["spec"]["volumes"]}
    pod["spec"]["volumes"] += [{"name": name, "emptyDir": {}} for name in claimed]
    kube.request("POST", TYPES["Pod"].path(namespace), pod, query={"dryRun": "All"})


class TestSizeAndTemplate:
    """The seed with the size by one manager, then everything else by the other."""

    @pytest.fixture
    def live(self, kube: Kube, namespace: str) -> Object:
        apply(kube, ours(seed_deployment(worker_pool(), replicas=3), namespace), "taskfleet-scale")
        return apply(kube, ours(deployment(worker_pool()), namespace), "taskfleet")

    def test_full_apply_keeps_the_seeds_size_and_ends_its_pause(self, live: Object) -> None:
        assert (live["spec"]["replicas"], live["spec"].get("paused")) == (3, None)
        assert first_difference(live, ours(deployment(worker_pool()), live["metadata"]["namespace"])) is None

    def test_a_size_alone_gives_up_the_rest_of_the_seed_and_changes_nothing_else(
        self, kube: Kube, live: Object
    ) -> None:
        metadata = {name: live["metadata"][name] for name in ("name", "namespace")}
        size = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 5}}
        scaled = apply(kube, size, "taskfleet-scale")
        assert scaled["spec"] == live["spec"] | {"replicas": 5}
        owned = {
            entry["manager"]: entry["fieldsV1"]
            for entry in scaled["metadata"]["managedFields"]
            if entry["operation"] == "Apply"
        }
        assert owned["taskfleet-scale"] == {"f:spec": {"f:replicas": {}}}
        assert "f:replicas" not in owned["taskfleet"]["f:spec"]

    def test_a_kept_template_starts_no_rollout(self, kube: Kube, live: Object) -> None:
        namespace = live["metadata"]["namespace"]
        binding = BrokerBinding.of(managed_broker())
        newer = replace(INSTALLATION, runtime_image="registry.test/taskfleet-worker:2")
        kept = Kept.of(live, worker_deployment(worker_pool(), binding, newer))
        assert kept is not None
        built = ours(worker_deployment(worker_pool(), binding, newer, kept=kept), namespace)
        assert first_difference(live, built) is None
        after = apply(kube, built, "taskfleet")
        assert after["metadata"]["generation"] == live["metadata"]["generation"]
        assert after["spec"] == live["spec"]
