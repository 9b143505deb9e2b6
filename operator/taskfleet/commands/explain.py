"""`kubectl taskfleet explain`: the last decisions about a pool's size, and what they were made from."""

from taskfleet.api import Key, Object
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from taskfleet.commands.leader import UnansweredError, ask_about
from taskfleet.commands.output import complain, say
from taskfleet.commands.session import connected, context_namespace
from taskfleet.commands.table import table

_COLUMNS = {
    "TIME": "time",
    "FROM": "from",
    "TO": "to",
    "WAITING": "waiting",
    "RUNNING": "running",
    "HELD BACK": "heldBack",
    "STARTING": "starting",
    "DRAINING": "draining",
    "CAPACITY": "capacity",
    "WANT": "want",
    "LIMITED BY": "limit",
    "REASON": "reason",
    "BECAUSE": "message",
}
_IN_STATUS = ("TIME", "FROM", "TO", "REASON", "BECAUSE")


async def explain(pool: str, *, namespace: str | None, lease: Key) -> int:
    """Print the decisions. The exit code."""
    key = Key("WorkerPool", namespace or context_namespace(), pool)
    try:
        async with connected() as gateway:
            return await show(gateway, key, lease)
    except ApiError as error:
        complain(f"WorkerPool {key.name!r} in namespace {key.namespace!r}: {error.message}")
        return 1


async def show(gateway: Gateway, pool: Key, lease: Key) -> int:
    """Print what the operator remembers, or the last decision where it cannot be asked. Raises ApiError."""
    raw = await gateway.get(pool)
    if raw is None:
        raise ApiError(404, "NotFound", "it does not exist.")
    try:
        answer = await ask_about(pool, "explain", gateway=gateway, lease=lease)
    except UnansweredError as error:
        last = (raw.get("status") or {}).get("lastDecision")
        say(*listing([last] if last else [], _IN_STATUS).splitlines())
        complain(f"This is all that the status tells; the operator gave no answer. {error}")
        return 0
    say(*listing(answer["decisions"], tuple(_COLUMNS)).splitlines())
    if answer["mode"] != "Auto":
        say(f"None of it is carried out: spec.autoscale.mode is {answer['mode']}.")
    return 0


def listing(decisions: list[Object], header: tuple[str, ...]) -> str:
    """The decisions as a table, the oldest first; their sentences are never cut."""
    if not decisions:
        return "No decision yet.\n"
    rows = [[_shown(decision.get(_COLUMNS[name])) for name in header] for decision in decisions]
    return table(header, rows, whole=frozenset({header.index("BECAUSE")}))


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
