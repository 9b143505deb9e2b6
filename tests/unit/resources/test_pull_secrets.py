"""The installation's pull secrets reach every pod that runs an image of it."""

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
    owner, fleet = Broker.parse(broker()), WorkerPool.parse(pool(beat={}, template=template))
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
    worker, beat, *_ = pods(WITH_SECRETS, spec={"imagePullSecrets": [{"name": "own"}, {"name": "mirror"}]})
    expected = [*OURS, {"name": "own"}]
    assert worker["imagePullSecrets"] == beat["imagePullSecrets"] == expected
