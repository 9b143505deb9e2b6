"""What a worker pod says about itself. Reports are untrusted: odd ones are dropped, large ones not even read.

The other side is worker-image/taskfleet_worker/report.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from taskfleet.api.names import MAX_NAME, is_object_name
from taskfleet.api.pool_type import PoolType
from taskfleet.brokers.untrusted import count, load_json, printable, seconds

_LARGEST = 64 * 1024  # bytes; a report of 100 queues has 10 KiB
_MOST_QUEUES = 100
_MOST_NOTES = 10
_LONGEST_NOTE = 200
_LONGEST_STATE = 20
_LONGEST_VERSION = 64
_LONGEST_QUEUE = 200
_LARGEST_CAPACITY = 10_000
_POOLS = frozenset(get_args(PoolType))
_LONGEST_START_SECONDS = 86_400.0
_LONGEST_FIELD = 3 * MAX_NAME + 2
_NUMBER_FIRST = b'{"seq":'
_MOST_DIGITS = 18


class Incarnation(NamedTuple):
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


class WorkerFacts(NamedTuple):
    """What came of the app's configuration. The fields are those of `status.worker`."""

    celery_version: str
    kombu_version: str
    python_version: str
    pool: str
    capacity: int
    queues: list[str]
    acks_late: bool
    prefetch_count: int


@dataclass(frozen=True, slots=True)
class Report:
    """A worker at one moment. `drain` is the number of the drain lease that it obeys; `started_at` is Unix time by the
    clock of its node, None from a runtime that does not report it. `memory` is what its container uses, in bytes; None
    where that cannot be read.
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
    memory: int | None = None
    notes: tuple[str, ...] = ()
    queues: Mapping[str, QueueWork] = field(default_factory=dict)
    worker: WorkerFacts | None = None

    @property
    def held(self) -> int:
        """Messages in the pod's hands."""
        return sum(work.held for work in self.queues.values())

    @property
    def idle(self) -> bool:
        """Whether the pod waits for messages and has none."""
        return (
            self.state == "ready"
            and self.drain is None
            and not (self.active or self.prefetched or self.eta or self.limited)
            and not self.held
        )


def incarnation_of(name: bytes) -> Incarnation | None:
    """The start that a field of the hash names; None for an invalid name.

    The API server is queried for the pod later, so its name must be valid. The other two parts have the same form:
    a uid, and digits.
    """
    if len(name) > _LONGEST_FIELD:
        return None
    parts = name.decode(errors="replace").split("/")
    return Incarnation(*parts) if len(parts) == 3 and all(map(is_object_name, parts)) else None


def parse(value: bytes) -> tuple[int, Report] | None:
    """The number of the report in a field of the hash, and what it says; None for what is none."""
    try:
        raw = load_json(value, max_bytes=_LARGEST)
        return (count(raw["seq"]), _report(raw)) if raw.get("v") == 1 else None
    except (ValueError, TypeError, AttributeError, LookupError):
        return None


def same_but_for_number(value: bytes, before: bytes) -> int | None:
    """The number of a report that is otherwise equal to `before`; None if it must be parsed.

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
        state=printable(str(raw["state"]), _LONGEST_STATE),
        drain=None if drain is None else count(drain),
        active=count(raw.get("active", 0)),
        prefetched=count(raw.get("prefetched", 0)),
        eta=count(raw.get("eta", 0)),
        limited=count(raw.get("limited", 0)),
        capacity=max(1, count(raw.get("capacity", 1))),
        started_at=seconds(raw["startedAt"]) if "startedAt" in raw else None,
        ready_after=seconds(raw.get("readyAfter", 0), most=_LONGEST_START_SECONDS),
        memory=count(raw["memory"]) if "memory" in raw else None,
        notes=tuple(printable(str(note), _LONGEST_NOTE) for note in raw.get("notes", [])[:_MOST_NOTES]),
        worker=_facts(raw["worker"]) if "worker" in raw else None,
        queues={name: _work(work) for name, work in list(raw.get("queues", {}).items())[:_MOST_QUEUES]},
    )


def _facts(raw: Mapping[str, Any]) -> WorkerFacts:
    if raw["pool"] not in _POOLS:
        raise ValueError
    return WorkerFacts(
        celery_version=printable(str(raw["celery"]), _LONGEST_VERSION),
        kombu_version=printable(str(raw["kombu"]), _LONGEST_VERSION),
        python_version=printable(str(raw["python"]), _LONGEST_VERSION),
        pool=raw["pool"],
        capacity=min(max(1, count(raw["capacity"])), _LARGEST_CAPACITY),
        queues=[printable(str(name), _LONGEST_QUEUE) for name in raw["queues"][:_MOST_QUEUES]],
        acks_late=bool(raw["acksLate"]),
        prefetch_count=count(raw["prefetchCount"]),
    )


def _work(raw: Mapping[str, Any]) -> QueueWork:
    return QueueWork(
        active=count(raw.get("active", 0)),
        held=count(raw.get("held", 0)),
        done=count(raw.get("done", 0)),
        busy_seconds=seconds(raw.get("busySeconds", 0)),
    )
