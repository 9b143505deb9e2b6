"""The messages that this process has fetched and not yet settled.

Changed by the worker's threads and read by the native one: every step is one operation on a dict or deque, which
the interpreter does at once.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Any

# A task that takes its child, container or pod with it is tried again this often, then set aside.
MAX_REDELIVERIES = 5
COUNT_HEADER = "taskfleet-redelivered"


@dataclass
class Delivery:
    """One message in hand. `place` and `dead` are full names of lists: where it came from, and the dead letters."""

    queue: str
    place: str
    dead: str
    order: int
    payload: dict[str, Any]
    eta: bool
    begun: bool = False

    @property
    def record(self) -> str:
        """What Redis keeps for the operator, should this process die."""
        return json.dumps([self.order, self.place, self.dead])


class Deliveries:
    """Held messages by delivery tag, and what is still to be told to a broker that was away."""

    def __init__(self) -> None:
        self.held: dict[str, Delivery] = {}
        self.waiting_for_eta = 0
        self.lost: set[str] = set()
        self.settling: set[str] = set()
        self.settle_later: deque[str] = deque()
        self.return_later: deque[tuple[str, Delivery]] = deque()
        self.unrecorded: deque[tuple[str, Delivery]] = deque()
        self._order = count(1)

    def fetched(self, tag: str, *, queue: str, prefix: str, line: str, payload: dict[str, Any]) -> Delivery:
        """A message has come off a queue, from the line of its priority."""
        eta = bool((payload.get("headers") or {}).get("eta"))
        delivery = Delivery(queue, prefix + line, f"{prefix}{queue}.dead", next(self._order), payload, eta)
        self.waiting_for_eta += eta
        self.held[tag] = delivery
        return delivery

    def begun(self, tag: str) -> Delivery | None:
        """Its task starts: it no longer waits for a time."""
        delivery = self.held.get(tag)
        if delivery is not None:
            delivery.begun = True
            if delivery.eta:
                delivery.eta = False
                self.waiting_for_eta -= 1
        return delivery

    def settled(self, tag: str) -> Delivery | None:
        """Acknowledged, rejected or given back: the broker no longer counts it as ours."""
        self.begun(tag)
        self.lost.discard(tag)
        self.settling.discard(tag)
        return self.held.pop(tag, None)

    def let_go(self) -> None:
        """The process leaves and no task runs: what is to be acknowledged will be, the rest goes back in its order."""
        self.settle_later.extend(self.settling)
        rest = [(tag, delivery) for tag, delivery in list(self.held.items()) if tag not in self.settling]
        for tag, delivery in sorted(rest, key=lambda item: -item[1].order):
            self.return_later.append((tag, delivery))
            self.settled(tag)

    @property
    def unsettled(self) -> bool:
        """Whether the broker counts, or may count, anything as ours."""
        return bool(self.held or self.settle_later or self.return_later or self.unrecorded)


def after_loss(delivery: Delivery) -> tuple[str, dict[str, Any]]:
    """List and message after the task's child was lost: counted, and set aside when it was lost too often."""
    headers = dict(delivery.payload.get("headers") or {})
    headers[COUNT_HEADER] = int(headers.get(COUNT_HEADER) or 0) + 1
    place = delivery.place if headers[COUNT_HEADER] <= MAX_REDELIVERIES else delivery.dead
    return place, {**delivery.payload, "headers": headers}
