"""Names of Taskfleet's keys in Redis; worker-image/README.md says what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from taskfleet_worker.settings import Settings


@dataclass(frozen=True)
class Keys:
    """Names without the global key prefix; `start` tells one process start from the next in the same pod."""

    reports: str
    held: str
    wake_up: str  # whose change proves that Redis wakes the worker
    drain: str
    revoked: str
    taken: str  # what the names of marks begin with, before the tag
    outcomes: str
    outcomes_of_start: str
    failures: str
    failures_of_start: str
    start: str


def keys(settings: Settings, pod: str, start_id: str) -> Keys:
    """The keys of one start of one pod."""
    base = f"taskfleet:{settings.cluster_id}:{settings.namespace}"
    start = f"{settings.pool_uid}/{pod}/{start_id}"
    return Keys(
        reports=f"{base}:reports",
        held=f"{base}:held:{start}",
        wake_up=f"{base}:wake-up:{start}",
        drain=f"{base}:drain:{settings.pool_uid}/{pod}",
        revoked=f"{base}:revoked",
        taken=f"{base}:taken:",
        outcomes=f"{base}:outcomes:{settings.pool_uid}",
        outcomes_of_start=f"{base}:outcomes:{start}",
        failures=f"{base}:failures:{settings.pool_uid}",
        failures_of_start=f"{base}:failures:{start}",
        start=start,
    )
