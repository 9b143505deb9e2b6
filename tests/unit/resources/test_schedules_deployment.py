"""The beat of a Broker's schedules, and what a user's template changes in it."""

from typing import Any

import pytest
from tests.unit.objects import broker
from tests.unit.resources.objects import INSTALLATION, by_name, deployment, worker_pool

from taskfleet.api import Broker, Object
from taskfleet.resources.errors import SpecError
from taskfleet.resources.schedules_deployment import schedules_deployment
from taskfleet.resources.volumes import SAFE_TO_EVICT
from taskfleet.resources.worker_deployment import INPUTS_HASH


def template_of(**schedules: Any) -> Any:
    return schedules_deployment(Broker.parse(broker(schedules=schedules)), INSTALLATION)["spec"]["template"]


def container_of(**schedules: Any) -> Any:
    return by_name(template_of(**schedules)["spec"]["containers"])["beat"]


def test_resources_replace_the_default_as_a_whole() -> None:
    assert container_of()["resources"]["limits"] == {"memory": "384Mi"}
    assert container_of(resources={"limits": {"cpu": "1"}})["resources"]["limits"] == {"cpu": "1"}


def test_a_template_places_the_pod_and_adds_to_it() -> None:
    spec = {
        "nodeSelector": {"disk": "ssd"},
        "imagePullSecrets": [{"name": "registry"}],
        "containers": [{"name": "agent", "image": "a"}],
    }
    pod = template_of(template={"spec": spec})["spec"]
    assert (pod["nodeSelector"], pod["imagePullSecrets"]) == (spec["nodeSelector"], spec["imagePullSecrets"])
    assert [one["name"] for one in pod["containers"]] == ["beat", "agent"]


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "TASKFLEET_SETTINGS"])
def test_a_template_cannot_lead_it_to_another_broker(name: str) -> None:
    mine: Object = {"containers": [{"name": "beat", "env": [{"name": name, "value": "redis://other"}]}]}
    env = by_name(container_of(template={"spec": mine})["env"])
    assert env == by_name(container_of()["env"])


def test_a_toleration_of_its_own_leaves_the_others_of_a_beat() -> None:
    tolerations = [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}]
    given = template_of(template={"spec": {"tolerations": tolerations}})["spec"]["tolerations"]
    assert given == [*tolerations, *template_of()["spec"]["tolerations"]]


def test_an_annotation_about_evictions_names_its_volumes_too() -> None:
    metadata = {"annotations": {SAFE_TO_EVICT: "cache"}}
    annotations = template_of(template={"metadata": metadata})["metadata"]["annotations"]
    assert annotations[SAFE_TO_EVICT] == "cache,taskfleet,tmp"


def test_a_template_that_cannot_be_merged_is_refused_by_its_field() -> None:
    with pytest.raises(SpecError, match=r"^spec\.schedules\.template\.spec\.containers\[0\] has no name"):
        template_of(template={"spec": {"containers": [{"image": "x"}]}})


def test_workers_do_not_roll_when_it_changes() -> None:
    changed = Broker.parse(broker(schedules={"resources": {"limits": {"cpu": "1"}}}))
    before, after = (
        deployment(worker_pool(), one)["metadata"]["annotations"] for one in (Broker.parse(broker()), changed)
    )
    assert before[INPUTS_HASH] == after[INPUTS_HASH]
