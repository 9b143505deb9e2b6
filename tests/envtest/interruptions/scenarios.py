"""What users do while the operator is disturbed: five stories, each in steps that wait for what they bring about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from taskfleet.api import Object
from tests.envtest.brokers import broker, external_broker, secret
from tests.envtest.pools import image, worker_pool
from tests.envtest.states import Owner, State, states
from tests.tools.kube import Kube

_QUEUE = "celery"


@dataclass(frozen=True)
class Stage:
    """A namespace to act in, with a real Redis whose keys are its own by their prefix."""

    kube: Kube
    namespace: str
    store: redis.Redis
    url: str

    def apply(self, *objects: Object) -> None:
        for obj in objects:
            self.kube.apply(obj)

    def delete(self, kind: str, name: str) -> None:
        self.kube.delete(kind, name, self.namespace)

    def states(self) -> dict[Owner, State]:
        return states(self.kube, self.namespace)

    def settled(self, *children: str) -> bool:
        """Whether every object of ours tells of its newest spec, and exactly these children are there of those that run."""
        seen = self.states().values()
        running = {
            name for one in seen for name in one.children if name.startswith(("Deployment", "StatefulSet"))
        }
        return all(one.settled for one in seen) and running == set(children)

    def size(self, name: str) -> Any:
        deployment = self.kube.get("Deployment", name, self.namespace)
        return deployment["spec"]["replicas"] if deployment else None

    def external(self, name: str) -> Object:
        """An external Broker on the real Redis."""
        reference = {"urlSecretRef": {"name": "company", "key": "url"}}
        return external_broker(self.namespace, name, external=reference, globalKeyPrefix=self.namespace)

    def schedule(self) -> Object:
        return {
            "apiVersion": "taskfleet.dev/v1alpha1",
            "kind": "PeriodicSchedule",
            "metadata": {"name": "report", "namespace": self.namespace},
            "spec": {"task": "proj.report", "interval": "1h"},
        }

    def send(self, messages: int) -> None:
        self.store.lpush(f"{self.namespace}{_QUEUE}", *["{}"] * messages)

    def clear(self) -> None:
        self.store.delete(f"{self.namespace}{_QUEUE}")


@dataclass(frozen=True)
class Step:
    act: Callable[[Stage], None]
    reached: Callable[[Stage], bool]


@dataclass(frozen=True)
class Scenario:
    """`sizes` are the fewest and the most pods that each Deployment may ever ask for."""

    name: str
    steps: tuple[Step, ...]
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


WORKERS, BEAT, SCHEDULES = "Deployment shop-worker", "Deployment shop-appbeat", "Deployment default-schedules"
REDIS = "StatefulSet default-broker"


def _create(stage: Stage) -> None:
    stage.apply(worker_pool(stage.namespace, replicas=2, beat={}), stage.schedule())


def _change_during_a_scale(stage: Stage) -> None:
    stage.apply(worker_pool(stage.namespace, replicas=3))
    stage.apply(worker_pool(stage.namespace, replicas=3, image="registry.example/app:2"))


def _renamed_broker(stage: Stage) -> None:
    stage.apply(stage.external("second"))
    stage.apply(worker_pool(stage.namespace, replicas=1, beat={}, brokerRef={"name": "second"}))


def _delete_all(stage: Stage) -> None:
    for kind, name in (("WorkerPool", "shop"), ("PeriodicSchedule", "report"), ("Broker", "default")):
        stage.delete(kind, name)


def _has_image(stage: Stage, text: str) -> bool:
    return image(stage.kube.get("Deployment", "shop-worker", stage.namespace) or {}) == text


def _gone(stage: Stage) -> bool:
    kinds = (
        "Deployment",
        "StatefulSet",
        "Service",
        "ConfigMap",
        "PodDisruptionBudget",
        "WorkerPool",
        "Broker",
    )
    left = [obj["metadata"]["name"] for kind in kinds for obj in stage.kube.list(kind, stage.namespace)]
    return left == ["kube-root-ca.crt"]


_ONE_OF_EACH = Step(
    lambda stage: stage.apply(
        broker(stage.namespace), worker_pool(stage.namespace, replicas=1, beat={}), stage.schedule()
    ),
    lambda stage: stage.settled(WORKERS, BEAT, SCHEDULES, REDIS),
)

SCENARIOS = (
    Scenario(
        "create",
        (Step(_create, lambda stage: stage.settled(WORKERS, BEAT, SCHEDULES, REDIS)),),
        {"shop-worker": (2, 2), "shop-appbeat": (1, 1), "default-schedules": (1, 1)},
    ),
    Scenario(
        "scale-from-a-queue",
        (
            Step(
                lambda stage: stage.apply(
                    stage.external("default"),
                    worker_pool(
                        stage.namespace,
                        autoscale={
                            "minReplicas": 1,
                            "maxReplicas": 4,
                            "behavior": {"scaleDown": {"stabilizationWindow": "1s"}},
                        },
                    ),
                ),
                lambda stage: stage.settled(WORKERS) and stage.size("shop-worker") == 1,
            ),
            Step(lambda stage: stage.send(9), lambda stage: stage.size("shop-worker") == 4),
            Step(lambda stage: stage.clear(), lambda stage: stage.size("shop-worker") == 1),
        ),
        {"shop-worker": (1, 4)},
    ),
    Scenario(
        "change-during-a-scale",
        (
            Step(
                lambda stage: stage.apply(
                    stage.external("default"), worker_pool(stage.namespace, replicas=1)
                ),
                lambda stage: stage.settled(WORKERS),
            ),
            Step(
                _change_during_a_scale,
                lambda stage: stage.size("shop-worker") == 3 and _has_image(stage, "registry.example/app:2"),
            ),
        ),
        {"shop-worker": (1, 3)},
    ),
    Scenario(
        "switch-the-broker",
        (
            _ONE_OF_EACH,
            Step(
                lambda stage: stage.apply(stage.external("default")),
                lambda stage: stage.settled(WORKERS, BEAT, SCHEDULES),
            ),
            Step(_renamed_broker, lambda stage: stage.settled(WORKERS, BEAT, SCHEDULES)),
        ),
        {"shop-worker": (1, 1), "shop-appbeat": (1, 1), "default-schedules": (1, 1)},
    ),
    Scenario(
        "delete-all",
        (
            _ONE_OF_EACH,
            Step(_delete_all, _gone),
        ),
        {"shop-worker": (1, 1), "shop-appbeat": (1, 1), "default-schedules": (1, 1)},
    ),
)


def referred(namespace: str, url: str) -> Object:
    """The Secret that the external Brokers name."""
    return secret(namespace, "company", url=url)
