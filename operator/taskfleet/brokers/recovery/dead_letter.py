"""A dead letter, and the request to move some back. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter. All texts come from its sender; they are empty if it could not be read.

    `reason`: why no worker could process it; empty if it was lost with its workers, `redelivered` times.
    """

    queue: str
    id: str
    task: str
    arguments: str
    redelivered: int
    reason: str = ""


@dataclass(frozen=True)
class Request:
    """A request to requeue messages: all that exist, or those with the ids. `token` identifies the request; `forget`: they
    are removed instead."""

    token: str
    ids: tuple[str, ...] = ()
    forget: bool = False
