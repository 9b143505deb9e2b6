"""Kubernetes objects as people have them; a test gives only what it is about."""

from typing import Any

from taskfleet.api import Object
from taskfleet.convert.conversion import Conversion, convert


def deployment(
    name: str = "celery",
    command: str = "celery -A shop worker -l info",
    *,
    spec: Object | None = None,
    **container: Any,
) -> Object:
    """A Deployment with one container; `spec` is beside the template."""
    one = {"name": "main", "image": "registry.example/shop:1", "command": command.split(), **container}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [one]}},
            **(spec or {}),
        },
    }


def of_kind(conversion: Conversion, kind: str) -> list[Object]:
    return [one for one in conversion.manifests if one["kind"] == kind]


def pool(*objects: Object) -> Object:
    """The spec of the only WorkerPool that comes out."""
    (found,) = of_kind(convert(objects), "WorkerPool")
    spec: Object = found["spec"]
    return spec


def said(conversion: Conversion, subject: str) -> list[str]:
    """What the report says about a subject, with its verdict."""
    return [f"{note.verdict}: {note.text}" for note in conversion.notes if note.subject == subject]


def from_secret(name: str, secret: str, key: str) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
