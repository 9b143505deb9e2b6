"""Valid Kubernetes objects as the API server returns them; a test gives only what it is about."""

from typing import Any

from taskfleet.api import Object

NAMESPACE = "shop"


def own(
    kind: str, name: str, spec: Object, *, status: Object | None = None, generation: int = 1, **meta: Any
) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata(name, generation=generation, **meta),
        "spec": spec,
        **({} if status is None else {"status": status}),
    }


def metadata(name: str, *, version: int = 1, **meta: Any) -> Object:
    return {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        **meta,
    }


def pool(
    name: str = "mail", *, status: Object | None = None, meta: Object | None = None, **spec: Any
) -> Object:
    """With nothing left to the app, so nothing is to be learnt."""
    minimal = {
        "app": "proj",
        "image": "registry.test/app:1",
        "pool": "prefork",
        "queues": ["celery"],
        **({} if "processAutoscale" in spec else {"concurrency": 1}),
    }
    return own("WorkerPool", name, minimal | spec, status=status, **(meta or {}))


def broker(
    name: str = "default", *, status: Object | None = None, meta: Object | None = None, **spec: Any
) -> Object:
    return own("Broker", name, spec, status=status, **(meta or {}))


def pod(name: str = "mail-1", *, status: Object | None = None, **meta: Any) -> Object:
    labels = {"taskfleet.dev/pool": "mail", "taskfleet.dev/component": "worker"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, **{"labels": labels, **meta}),
        "status": status or {},
    }


def conditions(**verdicts: str) -> Object:
    """A status with conditions, by type: "True" or "False", and optionally a reason after a blank."""
    told = []
    for kind, verdict in verdicts.items():
        status, _, reason = verdict.partition(" ")
        told.append(
            {
                "type": kind,
                "status": status,
                "reason": reason or "Because",
                "message": f"{kind} is {status}.",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        )
    return {"observedGeneration": 1, "conditions": told}


def of_type(status: Object, kind: str) -> Object:
    """The condition of a type."""
    found: Object = next(condition for condition in status["conditions"] if condition["type"] == kind)
    return found
