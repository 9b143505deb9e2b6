"""`kubectl taskfleet purge`: remove what waits in a queue."""

import asyncio
import secrets
import time

from taskfleet.api import Key, Object
from taskfleet.api.task_queue import FORCE
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from taskfleet.commands.output import complain, say
from taskfleet.commands.session import connected, context_namespace

_ANSWERED_WITHIN_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.5


async def purge(queue: str, *, namespace: str | None, force: bool) -> int:
    """Ask, and print how many messages went or why none did. The exit code."""
    key = Key("TaskQueue", namespace or context_namespace(), queue)
    try:
        async with connected() as gateway:
            return await empty(gateway, key, force=force)
    except ApiError as error:
        complain(f"TaskQueue {key.name!r} in namespace {key.namespace!r}: {error.message}")
        return 1


async def empty(
    gateway: Gateway, queue: Key, *, force: bool, seconds: float = _ANSWERED_WITHIN_SECONDS
) -> int:
    """Ask, and wait for the answer. Raises ApiError."""
    token = secrets.token_hex(4) + (f" {FORCE}" if force else "")
    live = await gateway.patch(queue, {"spec": {"purge": token}})
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = (live.get("status") or {}).get("lastPurge") or {}
        if answer.get("token") == token:
            return _tell(answer)
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        live = await gateway.get(queue) or {}
    complain(
        f"The operator has not done it within {seconds:g} s. It will, unless spec.purge changes:"
        f" status.lastPurge.token is {token!r} then. See the condition Ready of the TaskQueue."
    )
    return 1


def _tell(answer: Object) -> int:
    if refused := answer.get("refused"):
        complain(f"Nothing was removed. {refused} Here: --force.")
        return 1
    say(f"Messages removed: {answer.get('messages', 0)}")
    return 0
