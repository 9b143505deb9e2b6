"""Requests to the operator: a patch of an object, which a field of its status answers."""

import asyncio
import time

from taskfleet.api import Key, Object
from taskfleet.api.stored import condition_of, status_of
from taskfleet.commands.tokens import Request, signed_by
from taskfleet.kube.gateway import Gateway

_ANSWER_SECONDS = 30.0
_POLL_SECONDS = 0.5


class PendingError(Exception):
    """The operator did not answer in time. The text is a sentence for the user."""


async def send(gateway: Gateway, key: Key, request: Request, *, seconds: float = _ANSWER_SECONDS) -> Object:
    """Send the request and wait for the answer. Raises PendingError and ApiError."""
    live = await gateway.patch(key, await signed(gateway, request.patch))
    deadline = time.monotonic() + seconds
    while True:
        answer: Object = status_of(live).get(request.answer) or {}
        if answer.get("token") == request.token:
            return answer
        if time.monotonic() >= deadline:
            raise PendingError(_pending(live, request, seconds))
        await asyncio.sleep(_POLL_SECONDS)
        live = await gateway.get(key) or {}


async def signed(gateway: Gateway, patch: Object) -> Object:
    """The patch with the name of the gateway's user."""
    return signed_by(await gateway.username(), patch)


def _pending(live: Object, request: Request, seconds: float) -> str:
    ready = condition_of(live, "Ready") or {}
    why = f" {ready['message']}" if ready.get("status") == "False" else ""
    return (
        f"Timed out after {seconds:g} s; the request is still pending (token {request.token!r}).{why} The operator"
        f" carries it out unless a newer request replaces it; status.{request.answer}.token then has this value."
    )
