"""A failed task as a worker recorded it, and the request to retry or forget some. Untrusted: bounded and checked. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from taskfleet.brokers.untrusted import count, load_json, printable, seconds

MAX_RECORD = 32 * 1024
"""Bytes; the longest texts that a worker writes, all escaped, have 25 KB."""
MAX_ID = 255

_MAX_TEXT = 1000


@dataclass(frozen=True)
class FailedTask:
    """One failure. `at`: when Redis got it, in microseconds, which no other of its pool has; `time`: Unix seconds.

    `kept`: whether its message is there to be sent again. `args` and `kwargs` are None where the pool keeps none.
    """

    at: int
    id: str
    name: str
    queue: str
    priority: int
    time: float
    runtime: float | None
    exception: str
    message: str
    root: str
    group: str
    retries: int
    chord: bool
    kept: bool
    args: str | None = None
    kwargs: str | None = None


class Action(StrEnum):
    """What is asked for. Users match on the values, so a value is never renamed."""

    RETRY = "Retry"
    FORGET = "Forget"


@dataclass(frozen=True)
class Request:
    """`token` identifies the request. Without `task` and `ids` it is about all failed tasks. `force`: chord members too."""

    token: str
    action: Action
    task: str | None = None
    ids: frozenset[str] = frozenset()
    force: bool = False

    def names(self, task: FailedTask) -> bool:
        """Whether it is about this one."""
        if self.task is not None:
            return task.name == self.task
        return not self.ids or task.id in self.ids


@dataclass(frozen=True)
class Handled:
    """What became of a request: tasks sent again or forgotten, and those that were left, with the reason."""

    tasks: int = 0
    chord_members: int = 0
    without_message: int = 0


def parse(record: bytes, *, at: int, kept: bool) -> FailedTask | None:
    """What is recorded; None for what no worker writes."""
    try:
        raw = load_json(record, max_bytes=MAX_RECORD)
        return _parse(raw, at, kept) if isinstance(raw, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def _parse(raw: dict[str, Any], at: int, kept: bool) -> FailedTask | None:
    task_id = _plain(raw["id"])
    if not task_id:
        return None
    runtime = raw.get("runtime")
    return FailedTask(
        at=at,
        id=task_id,
        name=_text(raw["name"]),
        queue=_plain(raw["queue"]),
        priority=count(raw["priority"]),
        time=seconds(raw["time"]),
        runtime=None if runtime is None else seconds(runtime),
        exception=_text(raw["exception"]),
        message=_text(raw["message"]),
        root=_text(raw["root"]),
        group=_text(raw["group"]),
        retries=count(raw["retries"]),
        chord=raw["chord"] is True,
        kept=kept,
        args=_optional(raw.get("args")),
        kwargs=_optional(raw.get("kwargs")),
    )


def _plain(value: Any) -> str:
    """An id or the name of a queue: parts of keys, so nothing in them is replaced. Surrogates cannot be sent to Redis."""
    if not isinstance(value, str) or len(value.encode()) > MAX_ID:
        raise TypeError("not a name")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return printable(value, _MAX_TEXT)


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def chosen(
    request: Request, tasks: list[FailedTask], *, list_for: Callable[[str, float], str]
) -> tuple[list[tuple[FailedTask, str]], Handled]:
    """The tasks to act on, each with the list that it goes to, and how many are left for which reason."""
    named = [task for task in tasks if request.names(task)]
    if request.action is Action.FORGET:
        return [(task, "") for task in named], Handled()
    bare = sum(not task.kept for task in named)
    kept = [task for task in named if task.kept]
    members = 0 if request.force else sum(task.chord for task in kept)
    going = [task for task in kept if request.force or not task.chord]
    return [(task, list_for(task.queue, task.priority)) for task in going], Handled(0, members, bare)
