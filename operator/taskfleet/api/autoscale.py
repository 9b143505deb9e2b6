"""How the number of a pool's pods follows its queues, and how fast it may change."""

from typing import Annotated, Literal

from taskfleet.api.base import Model
from taskfleet.api.quantities import Count, Duration, PositiveDuration
from taskfleet.api.schema import Limits, Rule

# The maximum of the HorizontalPodAutoscaler.
_PERIOD_RULE = Rule(
    "duration(self) <= duration('30m')",
    "{self} is too long: use at most 30m, as in a HorizontalPodAutoscaler.",
)


class ScalingPolicy(Model):
    """How many pods may be added or removed within a period, as in a HorizontalPodAutoscaler."""

    type: Literal["Pods", "Percent"]
    """What value counts: pods, or percent of the pods at the beginning of the period."""

    value: Annotated[int, Limits(minimum=1, maximum=10000)]
    """The largest change within a period."""

    period: Annotated[PositiveDuration, _PERIOD_RULE]
    """The time in which the number of pods may change by value; periodSeconds of a HorizontalPodAutoscaler."""


SelectPolicy = Literal["Max", "Min", "Disabled"]
Policies = Annotated[list[ScalingPolicy], Limits(maxItems=10)]


class ScaleUp(Model):
    """How fast the pool grows."""

    stabilization_window: Duration | None = None
    """The pool grows to the lowest number of pods that was required at any time in this window;
    stabilizationWindowSeconds of a HorizontalPodAutoscaler. Defaults to 0s."""

    policies: Policies = []
    """Limits of the growth. Without any, the pool grows in one step."""

    select_policy: SelectPolicy | None = None
    """Which of several policies applies: the one that allows the largest change (Max), or the smallest (Min). Disabled:
    no pod is added. Defaults to Max."""


class ScaleDown(Model):
    """How fast the pool shrinks."""

    stabilization_window: Duration | None = None
    """The pool shrinks to the highest number of pods that was required at any time in this window, as with Celery's
    AUTOSCALE_KEEPALIVE; stabilizationWindowSeconds of a HorizontalPodAutoscaler. Defaults to 30s."""

    policies: Policies = []
    """Limits of the shrinking. Without any, all idle pods are removed together."""

    select_policy: SelectPolicy | None = None
    """Which of several policies applies: the one that allows the largest change (Max), or the smallest (Min). Disabled:
    no pod is removed. Defaults to Max."""


class Behavior(Model):
    """How fast the number of pods changes, as in `behavior` of a HorizontalPodAutoscaler. The first pod of a pool at
    zero starts at once, and minReplicas and maxReplicas apply at once."""

    scale_up: ScaleUp = ScaleUp()
    """How fast the pool grows. By default at once and in one step."""

    scale_down: ScaleDown = ScaleDown()
    """How fast the pool shrinks. By default when fewer pods were required for 30s."""


class Autoscale(Model):
    """How the number of pods follows the queue."""

    rules = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "minReplicas is {self.minReplicas}, above maxReplicas {self.maxReplicas}: "
            "lower minReplicas or raise maxReplicas.",
            field="minReplicas",
        ),
        Rule(
            "!has(self.keepalive) || !has(self.behavior) || !has(self.behavior.scaleDown)"
            " || !has(self.behavior.scaleDown.stabilizationWindow)",
            "keepalive and behavior.scaleDown.stabilizationWindow are two names of the same time: remove one.",
            field="keepalive",
        ),
    )

    min_replicas: Count = 0
    """The minimum number of pods."""

    max_replicas: Annotated[int, Limits(minimum=0, maximum=10000)]
    """The maximum number of pods."""

    keepalive: Duration | None = None
    """How long the demand must stay lower before pods are removed; Celery's AUTOSCALE_KEEPALIVE. The same as
    behavior.scaleDown.stabilizationWindow. Defaults to 30s."""

    behavior: Behavior = Behavior()
    """How fast the number of pods changes, as in a HorizontalPodAutoscaler."""

    target_wait: PositiveDuration | None = None
    """The longest time that a task should wait, such as 30s. If it is not set, every waiting task gets a slot of
    its own, as with Celery's --autoscale."""

    prewarm: bool = True
    """Starts the first pod of a pool that is scaled to zero before a run of a PeriodicSchedule for one of its
    queues is due. The operator measures how long a start takes and scales up by that much earlier, at most 60s."""

    mode: Literal["Auto", "Recommend", "Hold"] = "Auto"
    """Auto scales the pool. Recommend reports decisions without applying them. Hold keeps the current size."""
