"""Deciding the size of a pool: pure functions of what was seen and of the time."""

from dataclasses import dataclass
from enum import StrEnum

from taskfleet.api import WorkerPoolSpec


class SizeReason(StrEnum):
    """What decided a size. Users match on the values, so a value is never renamed."""

    REPLICAS = "Replicas"  # spec.replicas, or the 1 of a pool that names nothing
    SUSPENDED = "Suspended"  # spec.suspend
    MIN_REPLICAS = "MinReplicas"  # autoscale is accepted and not built yet: its minimum is kept


@dataclass(frozen=True)
class Size:
    """A wanted number of pods, and the sentence that says why."""

    replicas: int
    reason: SizeReason
    message: str


def decide(spec: WorkerPoolSpec) -> Size:
    """The size that the spec alone decides."""
    if spec.suspend:
        return Size(0, SizeReason.SUSPENDED, "spec.suspend is true: no pods.")
    if spec.autoscale is not None:
        least = spec.autoscale.min_replicas
        return Size(
            least, SizeReason.MIN_REPLICAS, f"Autoscaling is not built yet: minReplicas {least} is kept."
        )
    if spec.replicas is None:
        return Size(1, SizeReason.REPLICAS, "Neither spec.replicas nor spec.autoscale is set: 1 pod.")
    return Size(spec.replicas, SizeReason.REPLICAS, f"spec.replicas is {spec.replicas}.")
