"""What became of requests that a status has not answered yet. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RequeueResult:
    """A request that the status does not answer yet. `messages` moved so far; None: the broker does not answer."""

    token: str
    messages: int | None


@dataclass(frozen=True)
class Purged:
    """A value of spec.purge that the status does not answer yet. `messages` None: not possible yet."""

    token: str
    messages: int | None = None
    refused: str | None = None
