"""`kubectl taskfleet dead`: list the dead letters of a pool, or requeue them."""

import secrets
from collections.abc import Sequence

from taskfleet.api import Key, Object
from taskfleet.api.annotations import REQUEUE
from taskfleet.api.stored import status_of
from taskfleet.commands.leader import UnansweredError, ask_about
from taskfleet.commands.output import Form, print_answer, print_errors
from taskfleet.commands.request import Request, send
from taskfleet.commands.session import existing
from taskfleet.commands.table import table
from taskfleet.kube.gateway import Gateway

_HEADER = ("QUEUE", "ID", "TASK", "REDELIVERED", "ARGUMENTS", "REASON")


async def list_messages(gateway: Gateway, pool: Key, *, lease: Key, form: Form | None = None) -> int:
    """Print the messages, or how many there are where the operator does not answer. Raises ApiError."""
    raw = await existing(gateway, pool)
    try:
        answer = await ask_about(pool, "dead", gateway=gateway, lease=lease)
    except UnansweredError as error:
        count = _status(raw).get("deadLetters", 0)
        print_answer({"deadLetters": count, "messages": None}, form, [f"Dead letters: {count}"])
        print_errors(f"Operator not reachable; showing status.deadLetters only. {error}")
        return 0
    messages: list[Object] = answer["messages"]
    data = {"deadLetters": len(messages), "messages": [_explained(one) for one in messages]}
    print_answer(data, form, listing(messages).splitlines())
    if not messages:  # an app with a key prefix of its own keeps them elsewhere, and its pods report that
        print_errors(*(f"Note from its pods: {note}" for note in _status(raw).get("notes", [])))
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


async def requeue(gateway: Gateway, pool: Key, *, ids: Sequence[str] = (), form: Form | None = None) -> int:
    """Requeue the messages with these ids; without ids all. Raises PendingError and ApiError."""
    token = secrets.token_hex(4)
    patch = {"metadata": {"annotations": {REQUEUE: " ".join([token, *ids])}}}
    answer = await send(gateway, pool, Request(patch, token, "lastRequeue"))
    print_answer(answer, form, [f"Messages requeued: {answer['messages']}"])
    return 0


async def list_pools(gateway: Gateway, namespace: str | None, *, form: Form | None = None) -> int:
    """Print the pools that have dead letters; without a namespace those of the whole cluster. Raises ApiError."""
    pools = [
        raw for raw in await gateway.list_objects("WorkerPool", namespace) if _status(raw).get("deadLetters")
    ]
    rows = [
        (raw["metadata"]["namespace"], raw["metadata"]["name"], _status(raw)["deadLetters"]) for raw in pools
    ]
    data = {
        "pools": [{"namespace": place, "name": name, "deadLetters": count} for place, name, count in rows]
    }
    text = table(("NAMESPACE", "NAME", "DEAD LETTERS"), rows, whole=frozenset({0, 1}))
    print_answer(data, form, text.splitlines() if rows else ["No dead letters."])
    return 0


def _status(raw: Object) -> Object:
    return status_of(raw)
