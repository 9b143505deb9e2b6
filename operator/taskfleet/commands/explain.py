"""`kubectl taskfleet explain`: the last decisions about a pool's size, with their inputs."""

from taskfleet.api import Key, Object
from taskfleet.api.stored import status_of
from taskfleet.commands.leader import UnansweredError, ask_about
from taskfleet.commands.output import Form, print_answer, print_errors
from taskfleet.commands.session import existing
from taskfleet.commands.table import table
from taskfleet.kube.gateway import Gateway

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


async def explain(gateway: Gateway, pool: Key, *, lease: Key, form: Form | None = None) -> int:
    """Print the decisions, or those of the status where the operator does not answer. Raises ApiError."""
    raw = await existing(gateway, pool)
    try:
        answer = await ask_about(pool, "explain", gateway=gateway, lease=lease)
    except UnansweredError as error:
        decisions = status_of(raw).get("decisions") or []
        print_answer(
            {"mode": None, "decisions": decisions}, form, listing(decisions, _IN_STATUS).splitlines()
        )
        print_errors(f"Operator not reachable; showing status.decisions only. {error}")
        return 0
    lines = listing(answer["decisions"], tuple(_COLUMNS)).splitlines()
    if answer["mode"] != "Auto":
        lines.append(f"No decision is applied: spec.autoscale.mode is {answer['mode']}.")
    print_answer(answer, form, lines)
    return 0


def listing(decisions: list[Object], header: tuple[str, ...]) -> str:
    """The decisions as a table, the oldest first; their sentences are never cut."""
    if not decisions:
        return "No decisions yet.\n"
    rows = [[_shown(decision.get(_COLUMNS[name])) for name in header] for decision in decisions]
    return table(header, rows, whole=frozenset({header.index("BECAUSE")}))


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
