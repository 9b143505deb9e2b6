"""`kubectl taskfleet failed`: list the failed tasks of a pool, send them again, or forget them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.base import rfc3339
from taskfleet.commands.failed_groups import grouped
from taskfleet.commands.leader import UnansweredError, ask_about
from taskfleet.commands.output import Form, ListForm, data_form, print_answer, print_errors, print_lines
from taskfleet.commands.request import send
from taskfleet.commands.session import existing
from taskfleet.commands.table import table
from taskfleet.commands.tokens import failed_tasks_request
from taskfleet.kube.gateway import Gateway

_COLUMNS = {
    "TIME": "time",
    "TASK": "name",
    "QUEUE": "queue",
    "EXCEPTION": "exception",
    "MESSAGE": "message",
    "ID": "id",
}
_WIDE = {
    "RUNTIME": "runtime",
    "RETRIES": "retries",
    "RETRYABLE": "retryable",
    "ROOT": "root",
    "GROUP": "group",
    "ARGUMENTS": "arguments",
}
_GROUP_COLUMNS = {
    "COUNT": "count",
    "TASK": "name",
    "EXCEPTION": "exception",
    "FIRST": "first",
    "LAST": "last",
    "MESSAGE": "message",
}
_WHOLE = ("ID", "ROOT", "GROUP")
# Retrying ten thousand takes the operator seconds.
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Shown:
    """What is listed and how. `since`: seconds; `group`: one line for each task and cause; None: everything."""

    ids: tuple[str, ...] = ()
    task: str | None = None
    since: float | None = None
    group: bool = False
    form: ListForm | None = None


async def list_tasks(
    gateway: Gateway, pool: Key, shown: Shown, *, lease: Key, now: datetime | None = None
) -> int:
    """Print the failed tasks, the newest first. Raises ApiError."""
    await existing(gateway, pool)
    try:
        tasks = await _read(gateway, pool, shown, lease, now or datetime.now(UTC))
    except UnansweredError as error:
        print_errors(f"Failed tasks cannot be listed without the operator. {error}")
        return 1
    if shown.group:
        groups = grouped(tasks)
        _print({"groups": groups}, shown, _table(groups, _GROUP_COLUMNS, whole=("MESSAGE",)))
    elif shown.form == "name":
        print_lines(*(task["id"] for task in tasks))
    elif len(shown.ids) == 1 and shown.form not in ("json", "yaml"):
        print_lines(*(line for task in tasks for line in described(task)))
    else:
        columns = _COLUMNS | (_WIDE if shown.form == "wide" else {})
        _print({"tasks": tasks}, shown, _table(tasks, columns, whole=_WHOLE))
    if shown.ids and not tasks:
        print_errors("There is no record of a failure with this id.")
        return 1
    return 0


async def _read(gateway: Gateway, pool: Key, shown: Shown, lease: Key, now: datetime) -> list[Object]:
    """Raises UnansweredError."""
    oldest = now.timestamp() - shown.since if shown.since is not None else 0.0
    found: dict[str, Object] = {}
    queries: list[dict[str, str]] = [{"id": each} for each in shown.ids] or [{}]
    for query in queries:
        before = None
        while True:
            asked = query | ({"before": str(before)} if before is not None else {})
            answer = await ask_about(pool, "failed", gateway=gateway, lease=lease, query=asked)
            # Of one that is on two pages, the newest holds.
            found = {task["id"]: task for task in answer["tasks"]} | found
            before = answer["next"]
            if before is None or any(task["time"] < oldest for task in answer["tasks"][-1:]):
                break
    kept = (task for task in found.values() if task["time"] >= oldest and shown.task in (None, task["name"]))
    return [explained(task) for task in sorted(kept, key=lambda task: -task["at"])]


def explained(task: Object) -> Object:
    """As it is printed: a readable time, and why it could not be sent again."""
    kept, chord = task["kept"], task["chord"]
    rest = {name: value for name, value in task.items() if name not in ("at", "kept", "priority")}
    arguments = " ".join(text for text in (rest.pop("args", None), rest.pop("kwargs", None)) if text)
    retryable = "no message" if not kept else "with --force" if chord else "yes"
    return {
        **rest,
        "time": rfc3339(datetime.fromtimestamp(task["time"], UTC)),
        "retryable": retryable,
        "arguments": arguments or None,
    }


def _table(rows: Sequence[Object], columns: dict[str, str], *, whole: Sequence[str]) -> list[str]:
    if not rows:
        return ["No failed tasks."]
    header = tuple(columns)
    cells = [[_cell(row.get(name)) for name in columns.values()] for row in rows]
    return table(
        header, cells, whole=frozenset(header.index(name) for name in whole if name in columns)
    ).splitlines()


def _cell(value: object) -> str:
    return "-" if value in (None, "") else str(value)


def described(task: Object) -> list[str]:
    """One failure in full, its traceback last."""
    width = max(map(len, task))
    fields = [
        f"{name}:".ljust(width + 2) + _cell(value) for name, value in task.items() if name != "traceback"
    ]
    return [*fields, "", *str(task.get("traceback") or "").splitlines()]


def _print(data: Object, shown: Shown, lines: list[str]) -> None:
    print_answer(data, data_form(shown.form), lines)


@dataclass(frozen=True)
class Wanted:
    """Which failed tasks to act on: these, those of one task, or with neither all."""

    ids: tuple[str, ...] = ()
    task: str | None = None

    def __str__(self) -> str:
        if self.ids:
            return f"id {' '.join(self.ids)}"
        return "all" if self.task is None else f"task {self.task}"


async def retry(gateway: Gateway, pool: Key, wanted: Wanted, *, force: bool, form: Form | None = None) -> int:
    """Send them again, and print how many were. Raises PendingError and ApiError."""
    raw = await existing(gateway, pool)
    answer = await _request(gateway, pool, f"{'retry-force' if force else 'retry'} {wanted}")
    print_answer(
        answer, form, [] if answer.get("refused") else [f"Tasks sent again: {answer.get('tasks', 0)}"]
    )
    left = []
    if answer.get("chordMembers"):
        left.append(
            f"Members of a chord were left: {answer['chordMembers']}. Their chord has failed already; use --force to"
            " send them anyway."
        )
    if answer.get("withoutMessage"):
        left.append(_without_message(raw, answer["withoutMessage"]))
    print_errors(*filter(None, [answer.get("refused"), *left]))
    return 1 if answer.get("refused") else 0


def _without_message(raw: Object, number: int) -> str:
    kept = WorkerPool.parse(raw).spec.failures.messages
    why = (
        "They failed before spec.failures.messages was set, or their messages are larger than 64 KiB, or these were"
        " dead-lettered." if kept
        else "Set spec.failures.messages to true to keep the messages of tasks that fail from then on."
    )  # fmt: skip
    return f"Tasks without a kept message were left: {number}. {why}"


async def forget(gateway: Gateway, pool: Key, wanted: Wanted, *, form: Form | None = None) -> int:
    """Remove their records, and print how many. Raises PendingError and ApiError."""
    await existing(gateway, pool)
    answer = await _request(gateway, pool, f"forget {wanted}")
    refused = answer.get("refused")
    print_answer(answer, form, [] if refused else [f"Failed tasks forgotten: {answer.get('tasks', 0)}"])
    print_errors(*filter(None, [refused]))
    return 1 if refused else 0


async def _request(gateway: Gateway, pool: Key, words: str) -> Object:
    return await send(gateway, pool, failed_tasks_request(words), seconds=_ANSWER_SECONDS)
