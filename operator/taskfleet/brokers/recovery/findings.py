"""What the maintenance scan of a broker found. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UnconsumedQueue:
    name: str
    waiting: int


@dataclass(frozen=True)
class Findings:
    """What the last scan found. `kept`: expired messages without a known queue; `taken`: messages that another client
    redelivered during the last hour while our pods were running them; `others`: some workers that are not ours;
    `invalid_reports`: reports of workers that were dropped."""

    foreign_unacked: int = 0
    unread: tuple[UnconsumedQueue, ...] = ()
    unconsumed_queues: int = 0
    unconsumed_messages: int = 0
    kept: int = 0
    taken: int = 0
    others: tuple[str, ...] = ()
    invalid_reports: int = 0
