"""The installation's pull secrets reach every pod that runs an image of it, and a user's every pod of theirs."""

from dataclasses import replace
from typing import Any

from tests.unit.objects import broker, pool
from tests.unit.resources.objects import INSTALLATION

from taskfleet.api import Broker, WorkerPool
from taskfleet.resources.app_beat_deployment import app_beat_deployment
from taskfleet.resources.broker_stateful_set import broker_stateful_set
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.schedules_deployment import schedules_deployment
from taskfleet.resources.worker_deployment import worker_deployment

WITH_SECRETS = replace(INSTALLATION, image_pull_secrets=("registry", "mirror"))
OURS = [{"name": "registry"}, {"name": "mirror"}]


def pods(installation: Any, **template: Any) -> list[Any]:
    """Of workers, the app's own beat, the schedules' beat and Redis, each with the user's template."""
    owner = Broker.parse(broker(redis={"template": template}, schedules={"template": template}))
    fleet = WorkerPool.parse(pool(beat={}, template=template))
    binding = BrokerBinding.of(owner)
    built: list[Any] = [
        worker_deployment(fleet, binding, installation),
        app_beat_deployment(fleet, binding, installation),
        schedules_deployment(owner, installation),
        broker_stateful_set(owner, installation),
    ]
    return [one["spec"]["template"]["spec"] for one in built]


def test_every_pod_pulls_with_them() -> None:
    assert [pod["imagePullSecrets"] for pod in pods(WITH_SECRETS)] == [OURS] * 4


def test_without_them_no_pod_names_any() -> None:
    assert not any("imagePullSecrets" in pod for pod in pods(INSTALLATION))


def test_those_of_a_template_are_there_as_well() -> None:
    built = pods(WITH_SECRETS, spec={"imagePullSecrets": [{"name": "own"}, {"name": "mirror"}]})
    assert [pod["imagePullSecrets"] for pod in built] == [[*OURS, {"name": "own"}]] * 4


def test_those_of_a_beats_own_template_are_there_as_well() -> None:
    template = {"spec": {"imagePullSecrets": [{"name": "own"}]}}
    fleet = WorkerPool.parse(pool(beat={"template": template}))
    built: Any = app_beat_deployment(fleet, BrokerBinding.of(Broker.parse(broker())), WITH_SECRETS)
    assert built["spec"]["template"]["spec"]["imagePullSecrets"] == [*OURS, {"name": "own"}]
