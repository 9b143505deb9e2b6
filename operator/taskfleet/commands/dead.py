"""`kubectl taskfleet dead`: list the dead letters of a pool, requeue or remove them."""

from collections.abc import Sequence

from taskfleet.api import Key, Object
from taskfleet.api.stored import status_of
from taskfleet.commands.leader import UnansweredError, ask_about
from taskfleet.commands.output import Form, ListForm, data_form, print_answer, print_errors
from taskfleet.commands.request import send
from taskfleet.commands.session import existing
from taskfleet.commands.table import table
from taskfleet.commands.tokens import forget_request, requeue_request
from taskfleet.kube.gateway import Gateway

_HEADER = ("QUEUE", "ID", "TASK", "REDELIVERED", "ARGUMENTS", "REASON")


async def list_messages(gateway: Gateway, pool: Key, *, lease: Key, form: ListForm | None = None) -> int:
    """Print the messages, or how many there are where the operator does not answer. Raises ApiError."""
    raw = await existing(gateway, pool)
    try:
        answer = await ask_about(pool, "dead", gateway=gateway, lease=lease)
    except UnansweredError as error:
        count = _status(raw).get("deadLetters", 0)
        print_answer({"deadLetters": count, "messages": None}, data_form(form), [f"Dead letters: {count}"])
        print_errors(f"Operator not reachable; showing status.deadLetters only. {error}")
        return 0
    messages: list[Object] = answer["messages"]
    data = {"deadLetters": len(messages), "messages": [_explained(one) for one in messages]}
    lines = (
        [one["id"] for one in messages]
        if form == "name"
        else listing(messages, wide=form == "wide").splitlines()
    )
    print_answer(data, data_form(form), lines)
    if not messages:  # an app with a key prefix of its own keeps them elsewhere, and its pods report that
        print_errors(*(f"Note from its pods: {note}" for note in _status(raw).get("notes", [])))
    return 0


def listing(messages: list[Object], *, wide: bool = False) -> str:
    """The messages as a table; ids are never cut, because `--requeue` takes them. `wide`: nothing is cut."""
    if not messages:
        return "No dead letters.\n"
    rows = [[_explained(one)[name.lower()] for name in _HEADER] for one in messages]
    whole = range(len(_HEADER)) if wide else (_HEADER.index("ID"), _HEADER.index("REASON"))
    return table(_HEADER, rows, whole=frozenset(whole))


def _explained(message: Object) -> Object:
    """With the reason, where the message itself has none."""
    losses = message["redelivered"]
    lost = f"its worker was lost {losses} times" if losses else ""
    return {**message, "reason": message.get("reason") or lost}


async def requeue(gateway: Gateway, pool: Key, *, ids: Sequence[str] = (), form: Form | None = None) -> int:
    """Requeue the messages with these ids; without ids all. Raises PendingError and ApiError."""
    answer = await send(gateway, pool, requeue_request(ids))
    print_answer(answer, form, [f"Messages requeued: {answer['messages']}"])
    return 0


async def forget(gateway: Gateway, pool: Key, *, ids: Sequence[str] = (), form: Form | None = None) -> int:
    """Remove the messages with these ids; without ids all. Raises PendingError and ApiError."""
    answer = await send(gateway, pool, forget_request(ids))
    print_answer(answer, form, [f"Messages removed: {answer['messages']}"])
    return 0


async def list_pools(
    gateway: Gateway, namespace: str | None, *, selector: str = "", form: ListForm | None = None
) -> int:
    """Print the pools that have dead letters; without a namespace those of the whole cluster. Raises ApiError."""
    found = await gateway.list_objects("WorkerPool", namespace, selector=selector)
    pools = [raw for raw in found if _status(raw).get("deadLetters")]
    rows = [
        (raw["metadata"]["namespace"], raw["metadata"]["name"], _status(raw)["deadLetters"]) for raw in pools
    ]
    data = {
        "pools": [{"namespace": place, "name": name, "deadLetters": count} for place, name, count in rows]
    }
    text = table(("NAMESPACE", "NAME", "DEAD LETTERS"), rows, whole=frozenset({0, 1}))
    lines = text.splitlines() if rows else ["No dead letters."]
    print_answer(data, data_form(form), [f"wp/{name}" for _, name, _ in rows] if form == "name" else lines)
    return 0


def _status(raw: Object) -> Object:
    return status_of(raw)
