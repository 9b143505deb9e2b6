"""A dead letter, and the request to move some back. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeadLetter:
    """A message that was set aside. All texts come from whoever sent it; empty where it could not be read.

    `reason`: why no worker could take it in; empty where it was lost with its workers, as often as `redelivered` tells.
    """

    queue: str
    id: str
    task: str
    arguments: str
    redelivered: int
    reason: str = ""


@dataclass(frozen=True)
class Request:
    """A request to requeue messages: all that exist, or those with the ids. `token` identifies the request."""

    token: str
    ids: tuple[str, ...] = ()
