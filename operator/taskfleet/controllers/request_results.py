"""What became of requests that a status has not answered yet. Pure."""

from dataclasses import dataclass
from datetime import datetime

from taskfleet.api import Object
from taskfleet.api.base import rfc3339


@dataclass(frozen=True)
class RequestResult:
    """Of a purge or a requeue. `messages` removed or moved; None: not possible yet. `refused`: why nothing was done."""

    token: str
    messages: int | None = None
    refused: str | None = None


def answer(field: str, result: RequestResult | None, now: datetime) -> Object:
    """The status field that answers a new request; empty without one: the last answer stays as it is."""
    if result is None or result.messages is None:
        return {}
    said = {"token": result.token, "time": rfc3339(now), "messages": result.messages}
    return {field: said if result.refused is None else {**said, "refused": result.refused}}
