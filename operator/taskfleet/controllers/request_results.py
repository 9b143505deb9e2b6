"""What became of requests that a status has not answered yet. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from taskfleet.api import Object
from taskfleet.api.annotations import REQUESTED_BY
from taskfleet.api.base import rfc3339
from taskfleet.api.requests import MAX_USER
from taskfleet.brokers.failures.failed_task import Action, Handled
from taskfleet.brokers.untrusted import printable


@dataclass(frozen=True)
class RequestResult:
    """Of a purge or a requeue. `messages` removed or moved; None: not possible yet. `refused`: why nothing was done."""

    token: str
    messages: int | None = None
    refused: str | None = None
    forget: bool = False  # of dead letters that are removed


@dataclass(frozen=True)
class FailedTasksResult:
    """Of a request about failed tasks. Neither `handled` nor `refused`: not possible yet."""

    token: str
    action: Action | None = None
    handled: Handled | None = None
    refused: str | None = None


def requested_by(annotations: Mapping[str, str]) -> str:
    """Who makes the request that an object carries; empty where nobody says."""
    return printable(annotations.get(REQUESTED_BY, ""), MAX_USER)


def as_requested_by(user: str) -> str:
    """The end of a sentence about what was done."""
    return f" (requested by {user})" if user else ""


def answer(field: str, result: RequestResult | None, now: datetime, *, user: str) -> Object:
    """The status field that answers a new request; empty without one: the last answer stays as it is."""
    if result is None or result.messages is None:
        return {}
    said = {"token": result.token, "time": rfc3339(now), "messages": result.messages}
    return {field: said | _given(refused=result.refused, requestedBy=user)}


def failed_tasks_answer(result: FailedTasksResult | None, now: datetime, *, user: str) -> Object:
    """As `answer`, for failed tasks."""
    if result is None or (result.handled is None and result.refused is None):
        return {}
    handled = result.handled or Handled()
    said = {
        "token": result.token,
        "time": rfc3339(now),
        "tasks": handled.tasks,
        "chordMembers": handled.chord_members,
        "withoutMessage": handled.without_message,
    }
    return {"lastFailedTasks": said | _given(action=result.action, refused=result.refused, requestedBy=user)}


def _given(**fields: str | None) -> Object:
    return {name: str(value) for name, value in fields.items() if value}
