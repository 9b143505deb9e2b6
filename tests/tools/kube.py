"""A small client for the tests: JSON objects in, JSON objects out, nothing shared with the operator's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import urllib3

from taskfleet.api import Object
from taskfleet.kube.resource_types import RESOURCE_TYPES, ResourceType
from tests.tools import kubeconfig

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
TYPES = {
    **RESOURCE_TYPES,
    "CustomResourceDefinition": ResourceType("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    "Lease": ResourceType("coordination.k8s.io", "v1", "leases"),
    "Node": ResourceType("", "v1", "nodes"),
    "MutatingWebhookConfiguration": ResourceType(
        "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"
    ),
    "ValidatingAdmissionPolicy": ResourceType(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies"
    ),
    "ValidatingAdmissionPolicyBinding": ResourceType(
        "admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings"
    ),
    "ReplicaSet": ResourceType("apps", "v1", "replicasets"),
}


class RefusedError(Exception):
    """The API server answered with an error; `message` is its own sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Kube:
    """One API server. May be used by several threads."""

    def __init__(self, path: Path, *, connections: int = 8) -> None:
        access = kubeconfig.load(path)
        self._server = access.server
        self._headers = access.headers
        self._pool = urllib3.PoolManager(
            maxsize=connections, block=True, ssl_context=access.tls, retries=False
        )

    def close(self) -> None:
        self._pool.clear()

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        try:
            return self.request("GET", TYPES[kind].path(namespace, name))
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None, *, selector: str = "") -> list[Object]:
        answer = self.request("GET", TYPES[kind].path(namespace), query={"labelSelector": selector})
        return [{"kind": kind, **item} for item in answer["items"]]

    def create(self, obj: Object) -> Object:
        return self.request("POST", TYPES[obj["kind"]].path(obj["metadata"].get("namespace")), obj)

    def apply(self, obj: Object, *, manager: str = "kubectl") -> Object:
        """Server-side apply; raises on a conflict, as kubectl does."""
        path = TYPES[obj["kind"]].path(obj["metadata"].get("namespace"), obj["metadata"]["name"])
        return self.request("PATCH", path, obj, content_type=APPLY, query={"fieldManager": manager})

    def patch(
        self, kind: str, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        """Merge `body` into the object."""
        path = TYPES[kind].path(namespace, name, subresource)
        return self.request("PATCH", path, body, content_type=MERGE)

    def scale(self, kind: str, name: str, namespace: str, replicas: int) -> None:
        """As `kubectl scale` does it."""
        self.patch(kind, name, namespace, {"spec": {"replicas": replicas}}, subresource="scale")

    def delete(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete it in the background; gone already is as good."""
        try:
            self.request("DELETE", TYPES[kind].path(namespace, name))
        except RefusedError as error:
            if error.status != 404:
                raise

    def version(self, kind: str, namespace: str | None = None) -> str:
        """Where a watch has to begin to tell of everything after this call."""
        listed = self.request("GET", TYPES[kind].path(namespace), query={"limit": "1"})
        return str(listed["metadata"]["resourceVersion"])

    def watch(self, kind: str, namespace: str | None = None, *, since: str, seconds: int) -> Iterator[Object]:
        """Events after the version `since`, until the API server ends the watch after `seconds`."""
        query = urlencode({"watch": "1", "resourceVersion": since, "timeoutSeconds": seconds})
        url = f"{self._server}{TYPES[kind].path(namespace)}?{query}"
        response = self._pool.request("GET", url, headers=self._headers, preload_content=False, timeout=None)
        try:
            for line in response:
                yield json.loads(line)
        finally:
            response.close()

    def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        url = f"{self._server}{path}" + (f"?{urlencode(query)}" if query else "")
        # The API server reads an apply as YAML, which has no escape codes for the characters above U+FFFF.
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {**self._headers, "Content-Type": content_type, "Accept": "application/json"}
        response = self._pool.request(method, url, body=data, headers=headers, timeout=60.0)
        try:
            answer: Object = json.loads(response.data)
        except json.JSONDecodeError:  # a path that the API server does not serve
            raise RefusedError(response.status, response.data.decode()) from None
        if response.status >= 300:
            raise RefusedError(response.status, answer.get("message", ""))
        return answer
