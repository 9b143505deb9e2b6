"""What became of a pool's tasks since it was created: the totals that its workers keep in Redis. Untrusted. Pure.

The other side is taskfleet_worker/broker/outcome_folds.py.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

MAX_FIELDS = 10_200
"""Of one pool: the 10,000 that the workers' script adds, and its words for all others."""
_LONGEST_PART = 200  # characters
_LONGEST_FIELD = 4 * (4 * _LONGEST_PART + 1)  # bytes: four parts in UTF-8
_MOST_DIGITS = 18  # what Redis can add up
BOUNDS = (
    *("0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5"),
    *("10", "30", "60", "300", "1800", "3600", "+Inf"),
)
"""Upper bounds of the histograms' buckets in seconds."""
_BY_QUEUE = frozenset({"runtimeBucket", "waitBucket", "waitMicroseconds"})
_WITH_BOUND = frozenset({"runtimeBucket", "waitBucket"})
_KINDS = _BY_QUEUE | {
    *("received", "started", "succeeded", "failed", "retried", "rejected", "ignored", "revoked", "expired"),
    *("timedOut", "interrupted", "runtimeCount", "runtimeMicroseconds"),
}


class Counted(NamedTuple):
    """What one total counts. `task` is empty for what is counted by queue; `detail` is an exception or a bound."""

    task: str
    queue: str
    detail: str


Totals = Mapping[str, Mapping[Counted, int]]
"""By kind, in the order of tasks and queues."""


def parse(fields: Mapping[bytes, bytes]) -> Totals:
    """The totals in a hash, without invalid ones."""
    found: dict[str, dict[Counted, int]] = defaultdict(dict)
    for name, value in sorted(fields.items()):
        parts = _parts(name)
        if parts is not None and len(value) <= _MOST_DIGITS and value.isdigit():
            found[parts[0]][Counted(parts[1], parts[2], parts[3])] = int(value)
    return found


def _parts(field: bytes) -> list[str] | None:
    if len(field) > _LONGEST_FIELD:
        return None
    parts = field.decode(errors="replace").split("\n")
    if len(parts) != 4 or parts[0] not in _KINDS:
        return None
    kind, task, _, detail = parts
    if bool(task) == (kind in _BY_QUEUE) or bool(detail) != (kind == "failed" or kind in _WITH_BOUND):
        return None
    if kind in _WITH_BOUND and detail not in BOUNDS:
        return None
    if max(map(len, parts)) > _LONGEST_PART or not "".join(parts).isprintable():
        return None
    return parts
