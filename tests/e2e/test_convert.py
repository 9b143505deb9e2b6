"""Deployments as people have them, through `taskfleet convert` and `kubectl apply`: their tasks run."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from taskfleet.api import Object
from tests.e2e.fleet import APP, Fleet
from tests.tools.waiting import wait_for

LABELS = {"app": "cache"}
URL = {"secretKeyRef": {"name": "cache", "key": "url"}}
MARKS = {"name": "MARKS_URL", "valueFrom": URL}


@dataclass(frozen=True)
class Old:
    """A namespace with a Redis that Taskfleet did not make."""

    fleet: Fleet

    def redis(self, *command: str) -> str:
        """The answer of the Redis, by its own client."""
        return self.fleet.kubectl(
            "exec", "deployment/cache", "--", "redis-cli", "-a", "p@ss", "--no-auth-warning", *command
        )

    def moves(self, *objects: Object) -> None:
        """What `convert | kubectl apply` does with these objects."""
        text = yaml.safe_dump_all(objects)
        done = subprocess.run(
            [sys.executable, "-m", "taskfleet", "convert", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        for manifest in yaml.safe_load_all(done.stdout):
            self.fleet.kubectl.apply(manifest)

    def send(self, pool: str, key: str, queue: str, count: int) -> None:
        """From a worker's own container, with the app as it is there."""
        code = f"from decides import greet; [greet.apply_async(['{key}'], queue='{queue}') for _ in range({count})]"
        self.fleet.kubectl(
            "exec", f"deployment/{pool}-worker", "--container=worker", "--", "python", "-c", code
        )

    def wait_for_marks(self, key: str, count: int) -> list[str]:
        def marks() -> list[str]:
            return self.redis("-n", "2", "lrange", key, "0", "-1").split()

        wait_for(lambda: len(marks()) >= count, 60, what=f"{count} marks of {key}", poll=0.3)
        return marks()


@pytest.fixture
def old(fleet: Fleet, images: Mapping[str, str]) -> Old:
    for manifest in (_config_map(), _secret(), *_redis(images["redis"])):
        fleet.kubectl.apply(manifest)
    fleet.kubectl("rollout", "status", "deployment/cache", "--timeout=90s")
    return Old(fleet)


def _config_map() -> Object:
    data = {path.name: path.read_text() for path in APP.glob("*.py")}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "e2e"}, "data": data}


def _secret() -> Object:
    data = {"url": "redis://:p%40ss@cache:6379/0", "password": "p@ss"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cache"}, "stringData": data}


def _redis(image: str) -> tuple[Object, Object]:
    container = {
        "name": "redis",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["redis-server", "--requirepass", "p@ss", "--save", "", "--dir", "/tmp"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"containers": [container], "securityContext": security, "terminationGracePeriodSeconds": 0}
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    spec = {"selector": {"matchLabels": LABELS}, "template": template}
    service = {"selector": LABELS, "ports": [{"port": 6379}]}
    meta = {"name": "cache"}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
    )


def deployment(name: str, fleet: Fleet, command: list[str], env: list[Object], **pod: Any) -> Object:
    """As people write it, with the tests' app mounted."""
    container = {
        "name": name,
        "image": fleet.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{"name": "PYTHONPATH", "value": "/e2e"}, *env],
        "volumeMounts": [{"name": "e2e", "mountPath": "/e2e"}],
        "livenessProbe": {"exec": {"command": ["celery", "-A", "decides", "inspect", "ping"]}},
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "e2e", "configMap": {"name": "e2e"}}],
        "terminationGracePeriodSeconds": 60,
        **pod,
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def test_an_app_that_is_configured_in_code_keeps_its_pool_and_its_queues(old: Old) -> None:
    env = [{"name": "CELERY_BROKER_URL", "valueFrom": URL}, MARKS]
    old.moves(deployment("code", old.fleet, ["celery", "-A", "decides", "worker"], env))
    old.fleet.wait_until_ready("code")
    old.send("code", "by-sms", "sms", 5)
    assert old.wait_for_marks("by-sms", 5) == ["none"] * 5
    status = wait_for(lambda: old.fleet.status("code").get("worker"), 30, what="what the pod reported") or {}
    assert (status["pool"], status["capacity"], status["queues"]) == ("threads", 3, ["mail", "sms"])


def test_a_wrapper_that_sets_the_environment_stays(old: Old) -> None:
    command = ["sh", "-c", "export GREETING=hello && exec celery -A decides worker -P prefork -c 2 -Q mail"]
    env = [{"name": "CELERY_BROKER_URL", "valueFrom": URL}, MARKS]
    old.moves(deployment("wrapper", old.fleet, command, env))
    old.fleet.wait_until_ready("wrapper")
    old.send("wrapper", "greeted", "mail", 5)
    assert old.wait_for_marks("greeted", 5) == ["hello"] * 5


def test_a_private_image_with_a_beat_and_a_redis_by_parts_moves_whole(old: Old) -> None:
    old.fleet.kubectl.apply(_pull_secret())
    env: list[Object] = [
        {"name": "REDIS_HOST", "value": "cache"},
        {"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "cache", "key": "password"}}},
        {"name": "CELERY_BROKER_URL", "value": "redis://:$(REDIS_PASSWORD)@$(REDIS_HOST):6379/0"},
        MARKS,
    ]
    private: Object = {"imagePullSecrets": [{"name": "registry"}]}
    old.moves(
        deployment("parts", old.fleet, ["celery", "-A", "decides", "worker", "-c", "2"], env, **private),
        deployment("parts-beat", old.fleet, ["celery", "-A", "decides", "beat"], env, **private),
    )
    old.fleet.wait_until_ready("parts")
    assert old.wait_for_marks("ticks", 3)
    pods = [*old.fleet.pods("parts")]
    assert {len(pod["spec"]["imagePullSecrets"]) for pod in pods} == {1}
    brokers = old.fleet.kube.list("Broker", old.fleet.namespace)
    assert [one["spec"]["external"].get("host") for one in brokers] == ["cache"]


def _pull_secret() -> Object:
    auths = {"auths": {"registry.example": {"auth": "dGVzdDp0ZXN0"}}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "registry"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps(auths)},
    }
