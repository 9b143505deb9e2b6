"""Questions to the operator that leads: its HTTP port, through the API server's pod proxy."""

import asyncio
import contextlib
import secrets
import time

from taskfleet.api import Key, Object
from taskfleet.api.annotations import READER, READER_HEADER, reader_digest
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

_SEEN_WITHIN_SECONDS = 5.0  # the operator's watch brings it the annotation
_AGAIN_SECONDS = 0.2
_RIGHTS = (
    ". It takes the right to write the WorkerPool, and the Role {lease.name}-questions of namespace {lease.namespace},"
    " which an administrator can bind to you."
)


class UnansweredError(Exception):
    """The operator could not be asked, or did not say; the text is a sentence for the user."""


async def ask_about(pool: Key, path: str, *, gateway: Gateway, lease: Key) -> Object:
    """What the holder of `lease` answers about a pool at `path`. Raises UnansweredError.

    The pod proxy does not say who asks, so the right to write the pool stands for the right to read its messages: a
    digest in an annotation of the pool, and the secret that makes it, for the time of the question.
    """
    secret = secrets.token_urlsafe(32)
    try:
        pod = await _leader(gateway, lease)
        await gateway.patch(pool, _annotated(reader_digest(secret)))
        try:
            return await _ask(gateway, pod, path, pool, secret)
        finally:
            with contextlib.suppress(ApiError):  # a digest that stays behind opens nothing
                await gateway.patch(pool, _annotated(None))
    except ApiError as error:
        hint = _RIGHTS.format(lease=lease) if error.status == 403 else ""
        raise UnansweredError(f"{error.message}{hint}") from None


def _annotated(value: str | None) -> Object:
    return {"metadata": {"annotations": {READER: value}}}


async def _leader(gateway: Gateway, lease: Key) -> Key:
    found = await gateway.get(lease)
    if found is None:
        raise UnansweredError(
            f"There is no Lease {lease.name!r} in namespace {lease.namespace!r}: name the operator's with"
            " --lease-namespace and --lease-name."
        )
    pod = str((found.get("spec") or {}).get("holderIdentity") or "").rpartition("_")[0]
    if not pod:
        raise UnansweredError("No operator leads at the moment.")
    return Key("Pod", lease.namespace, pod)


async def _ask(gateway: Gateway, pod: Key, path: str, pool: Key, secret: str) -> Object:
    query = {"namespace": pool.namespace, "pool": pool.name}
    deadline = time.monotonic() + _SEEN_WITHIN_SECONDS
    while True:
        try:
            return await gateway.ask_pod(pod, path, query=query, headers={READER_HEADER: secret})
        except ApiError as error:
            if error.status != 401 or time.monotonic() > deadline:
                raise
        await asyncio.sleep(_AGAIN_SECONDS)
