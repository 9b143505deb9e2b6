"""When a running pod of a WorkerPool is replaced."""

from taskfleet.api.base import Model
from taskfleet.api.quantities import MemorySize, PositiveDuration
from taskfleet.api.schema import Rule


class Recycle(Model):
    """Replaces pods that are too old or too large, one at a time and after their tasks have ended."""

    rules = (
        Rule(
            "has(self.maxAge) || has(self.maxMemory)",
            "recycle must have maxAge, maxMemory or both: set one, or remove recycle.",
        ),
    )

    max_age: PositiveDuration | None = None
    """The age above which a pod is replaced, such as 24h."""

    max_memory: MemorySize | None = None
    """The memory of the worker container, such as 800Mi, above which its pod is replaced: what the kubelet compares
    with limits, without the page cache that the kernel can drop. Set it below resources.limits.memory."""
