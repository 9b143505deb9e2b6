"""What a worker pod says about itself. Reports are untrusted: odd ones are dropped, large ones not even read.

The other side is worker-image/taskfleet_worker/report.py.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_LARGEST = 64 * 1024  # bytes; a report of 100 queues has 10 KiB
_MOST_QUEUES = 100
_MOST_NOTES = 10
_LONGEST_NOTE = 200
_NUMBER_FIRST = b'{"seq":'
_MOST_DIGITS = 18


class Start(NamedTuple):
    """One process start of one pod: containers restart within a pod."""

    pool_uid: str
    pod: str
    start_id: str


@dataclass(frozen=True, slots=True)
class QueueWork:
    """A pod's work on one queue. `done` and `busy_seconds` count since the start."""

    active: int = 0
    held: int = 0
    done: int = 0
    busy_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """A worker at one moment. `drain` is the number of the drain lease that it obeys; `started_at` is Unix time by the
    clock of its node, None from a runtime that does not tell it.
    """

    state: str
    drain: int | None = None
    active: int = 0
    prefetched: int = 0
    eta: int = 0
    limited: int = 0
    capacity: int = 1
    started_at: float | None = None
    ready_after: float = 0.0
    notes: tuple[str, ...] = ()
    queues: Mapping[str, QueueWork] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """Messages in the pod's hands."""
        return sum(work.held for work in self.queues.values())


def start_of(name: bytes) -> Start | None:
    """The start that a field of the hash is about; None for what is no such name."""
    parts = name.decode(errors="replace").split("/")
    return Start(*parts) if len(parts) == 3 and all(parts) else None


def parse(value: bytes) -> tuple[int, Report] | None:
    """The number of the report in a field of the hash, and what it says; None for what is none."""
    if len(value) > _LARGEST:
        return None
    try:
        raw = json.loads(value)
        return (_count(raw["seq"]), _report(raw)) if raw.get("v") == 1 else None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


def same_but_for_number(value: bytes, before: bytes) -> int | None:
    """The number of a report that says what the one `before` said; None where it has to be parsed.

    An idle pod says the same every 2 s, and its runtime writes the number first.
    """
    head, _, rest = value.partition(b",")
    if not head.startswith(_NUMBER_FIRST) or rest != before.partition(b",")[2]:
        return None
    number = head[len(_NUMBER_FIRST) :]
    return int(number) if len(number) < _MOST_DIGITS and number.isdigit() else None


def _report(raw: Mapping[str, Any]) -> Report:
    drain = raw.get("drain")
    return Report(
        state=str(raw["state"])[:20],
        drain=None if drain is None else _count(drain),
        active=_count(raw.get("active", 0)),
        prefetched=_count(raw.get("prefetched", 0)),
        eta=_count(raw.get("eta", 0)),
        limited=_count(raw.get("limited", 0)),
        capacity=max(1, _count(raw.get("capacity", 1))),
        started_at=_seconds(raw["startedAt"]) if "startedAt" in raw else None,
        ready_after=_seconds(raw.get("readyAfter", 0)),
        notes=tuple(str(note)[:_LONGEST_NOTE] for note in raw.get("notes", [])[:_MOST_NOTES]),
        queues={str(name): _work(work) for name, work in list(raw.get("queues", {}).items())[:_MOST_QUEUES]},
    )


def _work(raw: Mapping[str, Any]) -> QueueWork:
    return QueueWork(
        active=_count(raw.get("active", 0)),
        held=_count(raw.get("held", 0)),
        done=_count(raw.get("done", 0)),
        busy_seconds=_seconds(raw.get("busySeconds", 0)),
    )


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError
    return seconds
