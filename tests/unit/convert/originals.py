"""The workers of the corpus as they run today, read without convert: the pods of manifests, and what compose files and
units say, written down as the pod that would be the same."""

from typing import Any

import yaml
from tests.unit.convert.corpus import CORPUS
from tests.unit.convert.effective import Effective, effective, worker_words

from taskfleet.api import Object

IN_KUBERNETES = (
    "bash-arguments",
    "cd-and-recreate",
    "damped-hpa",
    "keda",
    "labels",
    "newrelic",
    "probes-and-parts",
    "root-and-hpa",
    "worker-with-beat",
)


def deployments(case: str) -> list[Object]:
    """The Deployments of an input that run a Celery worker, in its order."""
    documents = yaml.safe_load_all((CORPUS / case / "input.yaml").read_text())
    objects = [one for document in documents for one in document.get("items", [document])]
    return [
        one
        for one in objects
        if one["kind"] == "Deployment" and "celery" in str(one) and "worker" in str(one)
    ][:1]


def original_in_kubernetes(case: str) -> tuple[Effective, tuple[str, ...], tuple[str, ...]]:
    """Its settings, the words before Celery and the commands before that."""
    template = deployments(case)[0]["spec"]["template"]
    container = next(
        one
        for one in template["spec"]["containers"]
        if "celery" in str([one.get("command"), one.get("args")])
    )
    words, program, script = worker_words([*container.get("command", []), *container.get("args", [])])
    return effective(template, container, words), program, script


def _pod(line: str, *, grace: int, env: dict[str, Any] | None = None, **container: Any) -> Effective:
    worker = {"name": "worker", "env": [_variable(*one) for one in (env or {}).items()], **container}
    template = {"spec": {"containers": [worker], "terminationGracePeriodSeconds": grace}}
    return effective(template, worker, line.split()[1:])


def _variable(name: str, value: Any) -> Object:
    return {"name": name, "value" if isinstance(value, str) else "valueFrom": value}


def _secret(key: str) -> Object:
    """A variable of .env, which only whoever runs compose knows."""
    return {"secretKeyRef": {"name": "compose-env", "key": key}}


_QUEUES_ENV = {
    "RABBITMQ_HOST": "rabbitmq",
    "RABBITMQ_PORT": "5672",
    "RABBITMQ_USER": "guest",
    "RABBITMQ_PASS": _secret("RABBITMQ_TOKEN"),
    "REDIS_HOST": "redis",
}
_ENV_FILE = [{"secretRef": {"name": "compose-env"}}]
# By case and pool. The grace is what Docker, systemd and supervisor give by default, or what the file says.
ELSEWHERE: dict[tuple[str, str], Effective] = {
    ("compose-flower", "celery-worker"): _pod(
        "celery -A seeds worker --loglevel=info --concurrency=4",
        grace=120,
        image="CHANGE-ME/app",
        env={
            "DJANGO_SETTINGS_MODULE": "seeds.settings",
            "CELERY_BROKER_URL": "redis://redis:6379/0",
            "CELERY_RESULT_BACKEND": "redis://redis:6379/1",
        },
        volumeMounts=[{"name": "media", "mountPath": "/app/media"}, {"name": "source", "mountPath": "/app"}],
    ),
    ("compose-queues", "worker-default"): _pod(
        "celery -A core.tasks worker --loglevel=info --queues=default --concurrency=4 --hostname=default@%h",
        grace=10,
        image="CHANGE-ME/app",
        env=_QUEUES_ENV,
        envFrom=_ENV_FILE,
        volumeMounts=[{"name": "source", "mountPath": "/app"}],
    ),
    ("compose-queues", "worker-reports"): _pod(
        "celery -A core.tasks worker --loglevel=info --queues=reports --concurrency=2 --hostname=reports@%h",
        grace=10,
        image="CHANGE-ME/app",
        env=_QUEUES_ENV,
        envFrom=_ENV_FILE,
        volumeMounts=[{"name": "source", "mountPath": "/app"}],
    ),
    ("compose-rabbitmq", "celery-worker"): _pod(
        "celery -A config worker -l info --concurrency=4",
        grace=10,
        image="registry.example/travel:local",
        env={
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DJANGO_SECRET_KEY": _secret("DJANGO_SECRET_KEY"),
            "CELERY_BROKER_URL": "amqp://guest:guest@$(BROKER_HOST_IP):5672//",
            "DB_HOST": _secret("DB_HOST"),
            "DB_PORT": "5432",
        },
        resources={"limits": {"cpu": "2", "memory": "2Gi"}},
    ),
    ("systemd", "search-worker"): _pod(
        "celery -A config worker --loglevel=info -X bulk",
        grace=90,
        image="CHANGE-ME/search-worker",
        envFrom=[{"secretRef": {"name": "search-worker-env"}}],
    ),
    ("multi", "celery-reads"): _pod(
        "celery -A dashboard worker --loglevel=INFO --time-limit=3600 --concurrency=8 -Q reads",
        grace=90,
        image="CHANGE-ME/celery",
    ),
    ("multi", "celery-assemblies"): _pod(
        "celery -A dashboard worker --loglevel=INFO --time-limit=3600 -c 2 -Q assemblies,long",
        grace=90,
        image="CHANGE-ME/celery",
    ),
    ("multi", "celery-w3"): _pod(
        "celery -A dashboard worker --loglevel=INFO --time-limit=3600 --concurrency=8",
        grace=90,
        image="CHANGE-ME/celery",
    ),
    ("supervisor", "music-celery"): _pod(
        "celery worker -A music --loglevel=INFO", grace=600, image="CHANGE-ME/music-celery"
    ),
}
