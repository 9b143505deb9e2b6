"""The messages that this process has fetched and not yet settled.

Changed by the worker's threads and read by the native one: every step is one operation on a dict or deque, which
the interpreter does at once.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

# A task that takes its child, container or pod with it is tried again this often, then dead-lettered.
MAX_REDELIVERIES = 5
# The losses of one message, in its envelope: `{"taskfleet-losses": 1, "body": ..., "headers": ..., ...}`. Celery hands
# headers on to tasks, which copy them into their retries and other messages of theirs; it reads nothing but them, the
# body and the properties.
LOSSES = "taskfleet-losses"
# Why a message is a dead letter, in its envelope too.
REASON = "taskfleet-reason"


@dataclass
class Delivery:
    """One message in hand. `place` and `dead` are full names of lists: where it came from, and the dead letters.

    `place` is None for a copy that was sent to this worker alone (fanout). `recorded`: whether Redis has a record of
    it. `at_most_once`: its queue asks for no acknowledgement, so that a task that has begun is not run again. `time`:
    its ETA where that does not stand in the headers.
    """

    queue: str
    place: str | None
    dead: str
    order: int
    payload: dict[str, Any]
    eta: bool
    begun: bool = False
    recorded: bool = True
    at_most_once: bool = False
    time: str = field(default="", init=False)

    @property
    def returnable(self) -> bool:
        """Whether there is a place for it to go back to."""
        return self.place is not None and not (self.at_most_once and self.begun)

    @property
    def record(self) -> str:
        """What Redis keeps for the operator, should this process die."""
        return json.dumps([self.order, self.place, self.dead, *([self.time] if self.time else [])])


class Deliveries:
    """Held messages by delivery tag, and what is still to be told to a broker that was away."""

    def __init__(self) -> None:
        self.held: dict[str, Delivery] = {}
        self.waiting_for_eta = 0
        # Tags of those that wait for their rate limit.
        self.limited: set[str] = set()
        self.lost: set[str] = set()
        # Tags of those that somebody else was given: fence.py.
        self.taken: set[str] = set()
        self.settling: set[str] = set()
        self.settle_later: deque[str] = deque()
        self.return_later: deque[tuple[str, Delivery]] = deque()
        self.unrecorded: deque[tuple[str, Delivery]] = deque()
        # Orders that the fetch under way may give to messages; empty: there is none.
        self.fetching = range(0)
        # What the tags of messages begin with that a script fetches; the rest is their order.
        self.tags = f"{uuid4().hex}-"
        self._order = count(1)

    def begin_to_fetch(self, most: int) -> int:
        """A fetch of at most so many messages begins: the order of the first. It replaces one that was given up."""
        first = next(self._order)
        self._order = count(first + most)
        self.fetching = range(first, first + most)
        return first

    def end_of_fetch(self) -> None:
        """What it has brought is held; what it brings from now on is nobody's."""
        self.fetching = range(0)

    def fetched(
        self,
        tag: str,
        *,
        queue: str,
        prefix: str,
        line: str | None,
        payload: dict[str, Any],
        order: int | None = None,
        **kind: bool,
    ) -> Delivery:
        """A message has come off a queue, from the list of its priority; `kind` as in Delivery."""
        headers = payload.get("headers")
        eta = isinstance(headers, dict) and bool(headers.get("eta"))
        place = None if line is None else prefix + line
        order = next(self._order) if order is None else order
        delivery = Delivery(queue, place, f"{prefix}{queue}.dead", order, payload, eta, **kind)
        self.waiting_for_eta += eta
        self.held[tag] = delivery
        return delivery

    def waits(self, tag: str, time: str) -> bool:
        """Its task waits for a time, as Celery has read it; whether that is news, because it stands in no header."""
        delivery = self.held.get(tag)
        if delivery is None or delivery.eta:
            return False
        delivery.eta, delivery.time = True, time
        self.waiting_for_eta += 1
        return True

    def is_limited(self, tag: str) -> None:
        """Its task waits for its rate limit from now on."""
        if tag in self.held:
            self.limited.add(tag)

    def is_due(self, tag: str) -> Delivery | None:
        """Its task no longer waits for a time."""
        delivery = self.held.get(tag)
        if delivery is not None and delivery.eta:
            delivery.eta = False
            self.waiting_for_eta -= 1
        return delivery

    def begun(self, tag: str) -> Delivery | None:
        """Its task starts."""
        delivery = self.is_due(tag)
        if delivery is not None:
            delivery.begun = True
        return delivery

    def settled(self, tag: str) -> Delivery | None:
        """Acknowledged, rejected or given back: the broker no longer counts it as ours."""
        self.begun(tag)
        self.limited.discard(tag)
        self.lost.discard(tag)
        self.taken.discard(tag)
        self.settling.discard(tag)
        return self.held.pop(tag, None)

    @property
    def known(self) -> int:
        """How many messages Redis may have on record for this process, at least."""
        recorded = sum(delivery.recorded for delivery in list(self.held.values()))
        return recorded + len(self.return_later) + len(self.unrecorded)

    def strays(self, recorded: Iterable[str]) -> list[str]:
        """Of the tags that Redis has on record for this process those that it knows nothing of: their reply was lost.

        `recorded` was read before this is called, so that whatever was settled since is no longer on record.
        """
        coming = {f"{self.tags}{order}" for order in self.fetching}
        queued = [tag for tag, _ in [*self.return_later, *self.unrecorded]]
        known = coming.union(list(self.held), list(self.settle_later), queued)
        return [tag for tag in recorded if tag not in known]

    def let_go(self) -> None:
        """The process leaves and no task runs: what is to be acknowledged will be, the rest goes back in its order."""
        self.settle_later.extend(self.settling)
        rest = [(tag, delivery) for tag, delivery in list(self.held.items()) if tag not in self.settling]
        for tag, delivery in sorted(rest, key=lambda item: -item[1].order):
            if delivery.returnable:
                self.return_later.append((tag, delivery))
            self.settled(tag)

    @property
    def unsettled(self) -> bool:
        """Whether the broker counts, or may count, anything as ours."""
        return bool(self.held or self.settle_later or self.return_later or self.unrecorded)


def after_loss(delivery: Delivery) -> tuple[str | None, dict[str, Any]]:
    """List and message after the task's child was lost: counted, and dead-lettered when it was lost too often."""
    before = delivery.payload.get(LOSSES)
    losses = (before if isinstance(before, int) else 0) + 1
    place = delivery.place if losses <= MAX_REDELIVERIES else delivery.dead
    rest = {name: value for name, value in delivery.payload.items() if name != LOSSES}
    # First, where the operator's scripts expect it.
    return place, {LOSSES: losses, **rest}


def redelivered(payload: dict[str, Any]) -> dict[str, Any]:
    """The message as it goes back, whatever the reason, and whether or not its task began.

    As kombu's `Channel._do_restore_message` (kombu 5.7, transport/redis.py), except that it marks the headers too,
    which tasks would copy.
    """
    properties = payload.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    info = properties.get("delivery_info")
    info = {**(info if isinstance(info, dict) else {}), "redelivered": True}
    return {**payload, "properties": {**properties, "delivery_info": info}}
