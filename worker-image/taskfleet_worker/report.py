"""What a pod tells the operator about itself: one JSON value, small whatever the worker does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from taskfleet_worker.deliveries import Delivery
from taskfleet_worker.pool.tasks import QueueCount

MAX_NOTES = 10
MAX_NOTE = 200
MAX_QUEUES = 100


@dataclass(frozen=True)
class Worker:
    """One look at the worker.

    `drain`: number of the lease obeyed; `started_at`: Unix time of the process's start; `ready_after`: seconds from
    then to ready; `facts`: what came of the app's configuration (worker_facts.py); `memory`: bytes that its container
    uses, None where that is not known.
    """

    state: str
    drain: int | None
    active: int
    prefetched: int
    eta: int
    limited: int
    capacity: int
    started_at: float
    ready_after: float
    notes: tuple[str, ...]
    queues: Mapping[str, QueueCount]
    held: Mapping[str, int]
    facts: Mapping[str, Any] = field(default_factory=dict)
    memory: int | None = None


def content(worker: Worker) -> dict[str, Any]:
    """The report without its sequence number. Two equal ones need not both be sent."""
    names = sorted({*worker.queues, *worker.held})[:MAX_QUEUES]
    return {
        "v": 1,
        "state": worker.state,
        "drain": worker.drain,
        "active": worker.active,
        "prefetched": worker.prefetched,
        "eta": worker.eta,
        "limited": worker.limited,
        "capacity": worker.capacity,
        "startedAt": round(worker.started_at, 3),
        "readyAfter": round(worker.ready_after, 3),
        **({"worker": dict(worker.facts)} if worker.facts else {}),
        **({} if worker.memory is None else {"memory": worker.memory}),
        "notes": [note[:MAX_NOTE] for note in worker.notes[:MAX_NOTES]],
        "queues": {
            name: _queue(worker.queues.get(name, QueueCount()), worker.held.get(name, 0)) for name in names
        },
    }


def _queue(count: QueueCount, held: int) -> dict[str, Any]:
    return {
        "active": count.active,
        "held": held,
        "done": count.done,
        "busySeconds": round(count.busy_seconds, 3),
    }


def held_by_queue(held: Mapping[str, Delivery]) -> dict[str, int]:
    """How many messages of each queue the process holds."""
    counts: dict[str, int] = {}
    for delivery in list(held.values()):
        counts[delivery.queue] = counts.get(delivery.queue, 0) + 1
    return counts


def encoded(body: Mapping[str, Any], seq: int) -> str:
    """The value as it is stored."""
    return json.dumps({"seq": seq, **body}, separators=(",", ":"))
