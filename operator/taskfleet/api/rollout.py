"""How the pods of a WorkerPool are replaced, and how many of them may be evicted at once."""

from typing import Literal

from taskfleet.api.base import Model
from taskfleet.api.quantities import IntOrPercent
from taskfleet.api.schema import Rule


class RollingUpdate(Model):
    """How many pods a rollout adds and takes away at once, in pods or in percent of the pool's size."""

    rules = (
        Rule(
            "!has(self.maxSurge) || !(string(self.maxSurge) in ['0', '0%'])"
            " || (has(self.maxUnavailable) && !(string(self.maxUnavailable) in ['0', '0%']))",
            "maxSurge and maxUnavailable cannot both be 0: raise maxSurge to start new pods first, or "
            "maxUnavailable to remove old pods first.",
        ),
    )

    max_surge: IntOrPercent | None = None
    """The number of pods above the pool's size. Defaults to 25%."""

    max_unavailable: IntOrPercent | None = None
    """The number of pods below the pool's size. Defaults to 0, which takes no capacity away."""


class Strategy(Model):
    """How new pods replace old ones, as in a Deployment."""

    rules = (
        Rule(
            "!has(self.type) || self.type != 'Recreate' || !has(self.rollingUpdate)",
            "type Recreate has no rollingUpdate: remove rollingUpdate, or use type RollingUpdate.",
            field="rollingUpdate",
        ),
    )

    type: Literal["RollingUpdate", "Recreate"] | None = None
    """RollingUpdate replaces pods step by step. Recreate stops all old pods before it starts new ones, for volumes that
    only one node can mount. Defaults to RollingUpdate."""

    rolling_update: RollingUpdate = RollingUpdate()
    """The limits of a RollingUpdate. If it is not set, maxSurge is 25% and maxUnavailable is 0."""

    @property
    def surges(self) -> bool:
        """Whether a new pod may start before an old one stops. A percentage above 0 is at least one pod."""
        if self.type == "Recreate":
            return False
        surge = self.rolling_update.max_surge
        return surge is None or int(str(surge).removesuffix("%")) > 0


class DisruptionBudget(Model):
    """The PodDisruptionBudget of the pool's workers."""

    rules = (
        Rule(
            "!has(self.enabled) || self.enabled || !has(self.maxUnavailable)",
            "maxUnavailable has no effect while enabled is false: remove maxUnavailable, or set enabled to true.",
            field="maxUnavailable",
        ),
    )

    enabled: bool | None = None
    """Whether there is a budget. Without one, a drain of nodes may evict all pods at once. Defaults to true."""

    max_unavailable: IntOrPercent | None = None
    """The number of pods that may be evicted at once, in pods or in percent. Defaults to 25%, and to no budget for a
    pool that has one pod at most."""
