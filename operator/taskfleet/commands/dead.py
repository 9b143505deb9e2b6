"""`kubectl taskfleet dead`: the messages that were set aside, and their way back."""

import asyncio
import secrets
import time

from taskfleet.api import Key, Object
from taskfleet.api.annotations import REQUEUE
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from taskfleet.commands.leader import UnansweredError, ask_about
from taskfleet.commands.output import complain, say
from taskfleet.commands.session import connected, context_namespace
from taskfleet.commands.table import table

_HEADER = ("QUEUE", "ID", "TASK", "REDELIVERED", "ARGUMENTS", "REASON")
_ANSWERED_WITHIN_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.5


async def dead(pool: str, *, namespace: str | None, lease: Key, requeue: list[str] | None) -> int:
    """List, or with `requeue` move back: the messages with these ids, and with an empty list all. The exit code."""
    key = Key("WorkerPool", namespace or context_namespace(), pool)
    try:
        async with connected() as gateway:
            if requeue is not None:
                return await move_back(gateway, key, requeue)
            return await show(gateway, key, lease)
    except ApiError as error:
        complain(f"WorkerPool {key.name!r} in namespace {key.namespace!r}: {error.message}")
        return 1


async def show(gateway: Gateway, pool: Key, lease: Key) -> int:
    """Print the messages, or how many there are where the operator cannot be asked. Raises ApiError."""
    raw = await gateway.get(pool)
    if raw is None:
        raise ApiError(404, "NotFound", "it does not exist.")
    try:
        answer = await ask_about(pool, "dead", gateway=gateway, lease=lease)
    except UnansweredError as error:
        say(f"Dead letters: {_status(raw).get('deadLetters', 0)}")
        complain(f"They cannot be listed. {error}")
        return 0
    say(*listing(answer["messages"]).splitlines())
    if not answer["messages"]:  # an app with a key prefix of its own keeps them elsewhere, and says so
        complain(*(f"Its pods note: {note}" for note in _status(raw).get("notes", [])))
    return 0


def listing(messages: list[Object]) -> str:
    """The messages as a table; ids are never cut, because `--requeue` takes them."""
    if not messages:
        return "No dead letters.\n"
    rows = [[_explained(one)[name.lower()] for name in _HEADER] for one in messages]
    return table(_HEADER, rows, whole=frozenset({_HEADER.index("ID"), _HEADER.index("REASON")}))


def _explained(message: Object) -> Object:
    """With the reason, where the message itself has none."""
    losses = message["redelivered"]
    lost = f"its worker was lost {losses} times" if losses else ""
    return {**message, "reason": message.get("reason") or lost}


async def move_back(
    gateway: Gateway, pool: Key, ids: list[str], *, seconds: float = _ANSWERED_WITHIN_SECONDS
) -> int:
    """Ask, and wait for the answer. Raises ApiError."""
    token = secrets.token_hex(4)
    annotation = " ".join([token, *ids])
    await gateway.patch(pool, {"metadata": {"annotations": {REQUEUE: annotation}}})
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = _status(await gateway.get(pool) or {}).get("lastRequeue") or {}
        if answer.get("token") == token:
            say(f"Messages moved back to their queues: {answer['messages']}")
            return 0
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    complain(
        f"The operator has not done it within {seconds:g} s. It will, unless the request is replaced by another:"
        f" status.lastRequeue.token is {token!r} then."
    )
    return 1


def _status(raw: Object) -> Object:
    return raw.get("status") or {}
