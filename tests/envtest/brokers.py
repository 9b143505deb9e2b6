"""Brokers for tests, and the Secrets of external ones."""

import base64
from typing import Any

from taskfleet.api import Object
from tests.tools.kube import Kube


def broker(namespace: str, name: str = "default", **spec: Any) -> Object:
    """A valid Broker, managed unless `spec` says otherwise."""
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "Broker",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def external_broker(namespace: str, name: str = "default", **spec: Any) -> Object:
    """A Broker whose URL is under key `url` of the Secret `<name>-url`."""
    reference = {"urlSecretRef": {"name": f"{name}-url", "key": "url"}}
    return broker(namespace, name, **{"external": reference, **spec})


def secret(namespace: str, name: str, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def decoded(secret: Object) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def apply_external(kube: Kube, namespace: str, url: str, name: str = "default") -> Object:
    """An external Broker at `url`, with its Secret."""
    kube.apply(secret(namespace, f"{name}-url", url=url))
    return {**kube.apply(external_broker(namespace, name)), "kind": "Broker"}
