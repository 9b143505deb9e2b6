"""Queries to the leading operator: its HTTP port, through the API server's Service proxy."""

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType

from taskfleet.api import Key, Object
from taskfleet.api.questions import AUDIENCE, CLIENT_ACCOUNT_SUFFIX, PORT, TOKEN_HEADER
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

# With several replicas the Service chooses any of them, and a standby answers 503.
_RETRY_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_TOKEN_SECONDS = 600
_UNAVAILABLE = 503
_RIGHTS = (
    ". This requires the Role {name}-query in namespace {namespace}, which an administrator can bind to you, and"
    " permission to {verb} the WorkerPool."
)


class UnansweredError(Exception):
    """The operator did not answer the query. The text is a sentence for the user."""


async def ask_about(
    pool: Key, path: str, *, gateway: Gateway, lease: Key, query: Mapping[str, str] = MappingProxyType({})
) -> Object:
    """What the operator answers about a pool at `path`. Raises UnansweredError.

    The Service has the name of the operator's Lease. The proxy does not pass on the caller's identity, so the caller's
    token is sent as well; a caller with a client certificate uses a token of the operator's ServiceAccount for clients.
    """
    service = Key("Service", lease.namespace, lease.name)
    query = {**query, "namespace": pool.namespace, "pool": pool.name}
    deadline = time.monotonic() + _RETRY_SECONDS
    try:
        headers = {TOKEN_HEADER: await _token(gateway, lease)}
        while True:
            try:
                return await gateway.ask_service(service, PORT, path, query=query, headers=headers)
            except ApiError as error:
                if error.status != _UNAVAILABLE or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)
    except ApiError as error:
        raise UnansweredError(_message(error, path, lease)) from None


async def _token(gateway: Gateway, lease: Key) -> str:
    own = await gateway.bearer_token()
    if own is not None:
        return own
    account = Key("ServiceAccount", lease.namespace, f"{lease.name}{CLIENT_ACCOUNT_SUFFIX}")
    return await gateway.account_token(account, audience=AUDIENCE, seconds=_TOKEN_SECONDS)


def _message(error: ApiError, path: str, lease: Key) -> str:
    message = error.message.removesuffix(".")
    if error.status == 404 and "not found" in error.message:
        return (
            f"{message}. If the operator's Lease is not {lease.name!r} in namespace {lease.namespace!r}, set --lease-name"
            " and --lease-namespace."
        )
    if error.status != 403:
        return f"{message}."
    verb = "get" if path == "explain" else "patch"
    return message + _RIGHTS.format(name=lease.name, namespace=lease.namespace, verb=verb)
