"""Every call to the API server but the Lease's own goes through here: no write without the lease."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config

from taskfleet import metrics
from taskfleet.api import Key, Object
from taskfleet.api.stored import status_of
from taskfleet.kube.api_call import APPLY, call, fetch
from taskfleet.kube.errors import ApiError, LeaseLostError
from taskfleet.kube.field_managers import MANAGER
from taskfleet.kube.resource_types import (
    OWN_TYPES,
    POD_METRICS,
    RESOURCE_TYPES,
    key_of,
    service_proxy_path,
    token_path,
)

MERGE = "application/merge-patch+json"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
# With the lease's renewal deadline no more than its duration: a write ends before another operator may lead.
_WRITE_SECONDS = 4.0
_LOG_SECONDS = 60.0
_MAY_SEND: ContextVar[Callable[[], bool]] = ContextVar("may_send", default=lambda: True)


async def _ask_again(_session: aiohttp.ClientSession, _context: object, _chunk: object) -> None:
    """aiohttp calls this before a body leaves, and the headers leave with it.

    A process that was stopped after `_write` asked would otherwise send, when it goes on, all writes of that moment.
    """
    if not _MAY_SEND.get()():
        raise LeaseLostError


@contextmanager
def _sent_if(may_send: Callable[[], bool]) -> Iterator[None]:
    token = _MAY_SEND.set(may_send)
    try:
        yield
    finally:
        _MAY_SEND.reset(token)


def configured() -> client.Configuration:
    """For a client whose writes check the Lease again when they are sent."""
    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(_ask_again)
    return client.Configuration(trace_configs=[trace])


async def connect(*, kubeconfig: str | None = None, context: str | None = None) -> client.ApiClient:
    """A client for the cluster of `kubeconfig`, else of KUBECONFIG, else of the pod this runs in, else of ~/.kube/config.

    `context` names one of the file's contexts, instead of its current one.
    """
    configuration = configured()
    in_pod = _SERVICE_ACCOUNT.exists()  # noqa: ASYNC240 - once, at the start
    if in_pod and not (kubeconfig or context or os.environ.get("KUBECONFIG")):
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration
        )
    return client.ApiClient(configuration=configuration)


class Gateway:
    """Objects in, objects out. `may_write` is asked before every write, and as it is sent: see `configured`."""

    def __init__(self, api: client.ApiClient, *, may_write: Callable[[], bool]) -> None:
        self._api = api
        self._call = partial(call, api)
        self._may_write = may_write

    async def get(self, key: Key) -> Object | None:
        try:
            return await self._call("GET", _path(key))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def ask_service(
        self, service: Key, port: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Object:
        """What a port of a Service answers to a GET of `path`, one segment, through the API server's proxy."""
        return await self._call("GET", service_proxy_path(service, port, path), query=query, headers=headers)

    async def review(self, kind: str, spec: Object) -> Object:
        """The status of a TokenReview or SubjectAccessReview. It changes nothing, so it takes no lease."""
        path = RESOURCE_TYPES[kind].path(None)
        body = {"apiVersion": RESOURCE_TYPES[kind].api_version, "kind": kind, "spec": spec}
        answer = await self._call("POST", path, body=body, seconds=_WRITE_SECONDS)
        status: Object = status_of(answer)
        return status

    async def username(self) -> str | None:
        """Who this client is to the API server; None where that does not tell, as before Kubernetes 1.28."""
        resource = RESOURCE_TYPES["SelfSubjectReview"]
        body = {"apiVersion": resource.api_version, "kind": "SelfSubjectReview"}
        try:
            answer = await self._call("POST", resource.path(None), body=body, seconds=_WRITE_SECONDS)
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise
        return (status_of(answer).get("userInfo") or {}).get("username")

    async def bearer_token(self) -> str | None:
        """The token with which this client comes to the API server; None where it shows a certificate."""
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "/", "GET", None)
        scheme, _, token = next(iter(headers.values()), "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None

    async def account_token(self, account: Key, *, audience: str, seconds: int) -> str:
        """A token of a ServiceAccount for `audience` only."""
        spec = {"audiences": [audience], "expirationSeconds": seconds}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await self._call("POST", token_path(account), body=body, seconds=_WRITE_SECONDS)
        return str(answer["status"]["token"])

    async def is_served(self, kind: str, namespace: str | None) -> bool:
        """Whether the API server knows the kind."""
        try:
            await self._call(
                "GET", RESOURCE_TYPES[kind].path(namespace), query={"limit": "1"}, accept=_METADATA_LIST
            )
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def apply(self, obj: Object, *, manager: str = MANAGER, dry_run: bool = False) -> Object:
        """Server-side apply; takes back what others changed of the fields that `obj` names."""
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return await self._write("PATCH", _path(key_of(obj)), obj, content_type=APPLY, query=query)

    async def patch_status(self, key: Key, status: Mapping[str, Any]) -> Object:
        """Merge `status` into the object's; a value of None removes its field."""
        body = {"status": status}
        query = {"fieldManager": MANAGER}
        return await self._write("PATCH", _path(key, "status"), body, content_type=MERGE, query=query)

    async def patch(self, key: Key, body: Object) -> Object:
        return await self._write(
            "PATCH", _path(key), body, content_type=MERGE, query={"fieldManager": MANAGER}
        )

    async def create(self, obj: Object) -> Object:
        key = key_of(obj)
        path = RESOURCE_TYPES[key.kind].path(key.namespace)
        return await self._write("POST", path, obj, query={"fieldManager": MANAGER})

    async def delete(self, key: Key, *, uid: str) -> None:
        """Delete exactly the object with this uid; gone already is as good."""
        try:
            await self._write("DELETE", _path(key), {"preconditions": {"uid": uid}})
        except ApiError as error:
            if error.status != 404:
                raise

    async def list_objects(self, kind: str, namespace: str | None, *, selector: str = "") -> list[Object]:
        """Every object of a kind, all in one answer; without a namespace those of the whole cluster."""
        query = {"labelSelector": selector} if selector else None
        answer = await self._call("GET", RESOURCE_TYPES[kind].path(namespace), query=query)
        return [{"kind": kind, **item} for item in answer["items"] or ()]

    async def pod_metrics(self, namespace: str | None, *, selector: str) -> list[Object]:
        """What pods use now; without a namespace those of the whole cluster."""
        answer = await self._call("GET", POD_METRICS.path(namespace), query={"labelSelector": selector})
        return list(answer["items"] or ())

    async def pod_log(self, pod: Key, query: Mapping[str, str]) -> bytes:
        """The log of a pod; `query` has the parameters of the API server, and limits what comes."""
        return await fetch(
            self._api, "GET", _path(pod, "log"), query=query, accept="*/*", seconds=_LOG_SECONDS
        )

    async def list_metadata(
        self, kind: str, namespace: str | None, *, selector: str = ""
    ) -> AsyncIterator[Object]:
        """The metadata of every object of a kind; what may be many and large comes 500 a page.

        Not our own kinds: the API server takes a whole list from memory, but each further page of custom resources
        from etcd, which makes ten pages of 500 three times as slow as all in one.
        """
        query = {"labelSelector": selector, **({} if kind in OWN_TYPES else {"limit": "500"})}
        while True:
            path = RESOURCE_TYPES[kind].path(namespace)
            page = await self._call("GET", path, query=query, accept=_METADATA_LIST)
            for item in page["items"] or ():  # null where there is none
                yield {"kind": kind, "metadata": item["metadata"]}
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def _write(
        self,
        method: str,
        path: str,
        body: Object,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        if not self._may_write():
            raise LeaseLostError
        metrics.API_WRITES.labels(method.lower()).inc()
        try:
            with _sent_if(self._may_write):
                return await self._call(
                    method, path, body=body, content_type=content_type, query=query, seconds=_WRITE_SECONDS
                )
        except ApiError as error:
            if error.status == 0 and not self._may_write():
                raise LeaseLostError from error
            raise


def _path(key: Key, subresource: str | None = None) -> str:
    return RESOURCE_TYPES[key.kind].path(key.namespace or None, key.name, subresource)
