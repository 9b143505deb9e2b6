"""Requests to the operator: a patch of an object, which a field of its status answers."""

import asyncio
import time
from dataclasses import dataclass

from taskfleet.api import Key, Object
from taskfleet.api.stored import condition_of, status_of
from taskfleet.kube.gateway import Gateway

_ANSWER_SECONDS = 30.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Request:
    """`answer` is the field of the status; it repeats `token` once the operator has carried out the request."""

    patch: Object
    token: str
    answer: str


class PendingError(Exception):
    """The operator did not answer in time. The text is a sentence for the user."""


async def send(gateway: Gateway, key: Key, request: Request, *, seconds: float = _ANSWER_SECONDS) -> Object:
    """Send the request and wait for the answer. Raises PendingError and ApiError."""
    live = await gateway.patch(key, request.patch)
    deadline = time.monotonic() + seconds
    while True:
        answer: Object = status_of(live).get(request.answer) or {}
        if answer.get("token") == request.token:
            return answer
        if time.monotonic() >= deadline:
            raise PendingError(_pending(live, request, seconds))
        await asyncio.sleep(_POLL_SECONDS)
        live = await gateway.get(key) or {}


def _pending(live: Object, request: Request, seconds: float) -> str:
    ready = condition_of(live, "Ready") or {}
    why = f" {ready['message']}" if ready.get("status") == "False" else ""
    return (
        f"Timed out after {seconds:g} s; the request is still pending (token {request.token!r}).{why} The operator"
        f" carries it out unless a newer request replaces it; status.{request.answer}.token then has this value."
    )
