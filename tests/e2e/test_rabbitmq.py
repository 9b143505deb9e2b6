"""A fleet on somebody's RabbitMQ: it grows with the queue, shrinks by draining, and every task runs once."""

import pytest

from taskfleet.api import Object
from tests.e2e.fleet import MARKS, Fleet
from tests.envtest.brokers import broker, external_broker, secret
from tests.envtest.conditions import wait_for_condition
from tests.tools.cluster import CATALOGUE, Cluster
from tests.tools.waiting import wait_for

USER, PASSWORD = "shop", "s3cret"
LABELS = {"app": "rabbitmq"}

pytestmark = pytest.mark.long


def test_a_fleet_on_rabbitmq_grows_and_shrinks_and_runs_every_task_once(
    fleet: Fleet, one_cluster: Cluster
) -> None:
    image = one_cluster.load([CATALOGUE["rabbitmq"]])["rabbitmq"]
    url = f"amqp://{USER}:{PASSWORD}@rabbitmq.{fleet.namespace}.svc:5672//"
    outside = external_broker(fleet.namespace, "outside")
    for made in (
        *_rabbitmq(image),
        secret(fleet.namespace, "outside-url", url=url),
        broker(fleet.namespace),  # the tasks' marks are in a Redis
        outside,
    ):
        fleet.kubectl.apply(made)
    fleet.pool(
        "mail",
        brokerRef={"name": "outside"},
        queues=["mail"],
        concurrency=1,
        timeLimit="5m",
        autoscale={
            "minReplicas": 0,
            "maxReplicas": 3,
            "behavior": {"scaleDown": {"stabilizationWindow": "3s"}},
        },
        env=[{"name": "PYTHONPATH", "value": "/e2e"}, MARKS],
    )
    fleet.kubectl.apply(_task_queue(fleet))
    told = wait_for_condition(fleet.kube, outside, "Ready", "True", "Reachable", timeout=180)
    assert told["status"]["version"].startswith("3.")
    wait_for_condition(fleet.kube, outside, "FullySupported", "False", "RedisRequired", timeout=30)

    fleet.send_over(url, "sent", count=24, seconds=2, queue="mail")
    wait_for(lambda: _queue(fleet).get("waiting", 0) > 0, 30, what="waiting tasks in the status", poll=0.3)
    wait_for(lambda: fleet.status("mail").get("readyReplicas") == 3, 90, what="three pods", poll=0.3)
    wait_for(lambda: _queue(fleet).get("consumers") == 3, 30, what="three consumers", poll=0.3)
    marks = fleet.wait_until_done("sent", 24, seconds=120)
    wait_for(lambda: not fleet.pods("mail"), 90, what="the end of the last pod", poll=0.3)
    assert set(marks.started.values()) == set(marks.done.values()) == {1}
    assert len(set(marks.pod.values())) == 3, "every pod has worked"
    wait_for(lambda: _queue(fleet).get("consumers") == 0, 30, what="no consumers", poll=0.3)


def _rabbitmq(image: str) -> tuple[Object, Object]:
    container = {
        "name": "rabbitmq",
        "image": image,
        "env": [
            {"name": "RABBITMQ_DEFAULT_USER", "value": USER},
            {"name": "RABBITMQ_DEFAULT_PASS", "value": PASSWORD},
        ],
        "resources": {"limits": {"memory": "512Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 999,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    metadata = {"name": "rabbitmq", "labels": LABELS}
    ports = {"selector": LABELS, "ports": [{"port": 5672}]}
    return (
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "rabbitmq"}, "spec": ports},
    )


def _task_queue(fleet: Fleet) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "TaskQueue",
        "metadata": {"name": "mail", "namespace": fleet.namespace},
        "spec": {"brokerRef": {"name": "outside"}},
    }


def _queue(fleet: Fleet) -> Object:
    live = fleet.kube.get("TaskQueue", "mail", fleet.namespace) or {}
    return dict(live.get("status") or {})
