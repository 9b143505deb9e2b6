"""How fast the size of a pool may change. Pure.

The rules are those of Kubernetes 1.34 `pkg/controller/podautoscaler/horizontal.go`: stabilizeRecommendationWithBehaviors,
calculateScaleUpLimitWithScalingRules and calculateScaleDownLimitWithBehaviors. A HorizontalPodAutoscaler counts the
sizes that it wrote; here they are those that were seen, so that a write that failed was none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from taskfleet.api import format_duration
from taskfleet.api.autoscale import ScaleDown, ScaleUp, ScalingPolicy

Sizes = tuple[tuple[float, int], ...]
"""Sizes, each with the time since when it was seen, the oldest first."""


@dataclass(frozen=True)
class Policy:
    """The largest change within a period, in pods or in percent of the size at the period's beginning."""

    value: int
    period: float  # seconds
    percent: bool = False
    words: str = ""  # as the user wrote it

    @classmethod
    def of(cls, policy: ScalingPolicy) -> "Policy":
        percent = policy.type == "Percent"
        unit = "%" if percent else " pod" if policy.value == 1 else " pods"
        words = f"{policy.value}{unit} per {format_duration(policy.period)}"
        return cls(policy.value, policy.period.total_seconds(), percent, words)


@dataclass(frozen=True)
class Rules:
    """The rules of one direction. Seconds."""

    window: float = 0.0
    policies: tuple[Policy, ...] = ()
    select: str = "Max"

    @classmethod
    def of(cls, rules: ScaleUp | ScaleDown, *, window: float) -> "Rules":
        """`window` is the default of the direction."""
        if rules.stabilization_window is not None:
            window = rules.stabilization_window.total_seconds()
        return cls(window, tuple(map(Policy.of, rules.policies)), rules.select_policy or "Max")


@dataclass(frozen=True)
class StepLimit:
    """How far the size may go now, by which policy, and when it may go further."""

    pods: int
    policy: Policy | None = None  # None: selectPolicy is Disabled
    again_in: float | None = None  # seconds

    def sentence(self, field: str) -> str:
        if self.policy is None or self.again_in is None:
            return f"keeping {self.pods}, because behavior.{field}.selectPolicy is Disabled"
        return (
            f"{self.pods} for now, because behavior.{field} allows {self.policy.words}; "
            f"the next step is possible in {ceil(self.again_in)} s"
        )


def longest_period(rules: Iterable[Rules]) -> float:
    """How far back sizes count; 0 without policies."""
    return max((policy.period for each in rules for policy in each.policies), default=0.0)


def with_size(sizes: Sizes, size: int, now: float, *, period: float) -> Sizes:
    """Add the size that is seen now. What was replaced before the period began counts no more."""
    if period == 0.0:
        return ()
    if not sizes or sizes[-1][1] != size:
        sizes = (*sizes, (now, size))
    ended = sum(since <= now - period for since, _ in sizes[1:])
    return sizes[ended:]


def highest(rules: Rules, sizes: Sizes, size: int, now: float) -> StepLimit | None:
    """How many pods there may be at most; None: no policy says it."""
    select = min if rules.select == "Min" else max
    return _limit(rules, sizes, size, now, propose=_up, select=lambda found: select(found, key=_pods))


def lowest(rules: Rules, sizes: Sizes, size: int, now: float) -> StepLimit | None:
    """How many pods there must be at least; None: no policy says it."""
    select = max if rules.select == "Min" else min
    return _limit(rules, sizes, size, now, propose=_down, select=lambda found: select(found, key=_pods))


def _limit(
    rules: Rules,
    sizes: Sizes,
    size: int,
    now: float,
    *,
    propose: Callable[[Policy, int], int],
    select: Callable[[list[StepLimit]], StepLimit],
) -> StepLimit | None:
    if rules.select == "Disabled":
        return StepLimit(size)
    if not rules.policies:
        return None
    return select(
        [
            StepLimit(propose(one, _size_at(sizes, now - one.period, size)), one, _again_in(one, sizes, now))
            for one in rules.policies
        ]
    )


def _pods(limit: StepLimit) -> int:
    return limit.pods


def _up(policy: Policy, start: int) -> int:
    return ceil(start * (1 + Fraction(policy.value, 100))) if policy.percent else start + policy.value


def _down(policy: Policy, start: int) -> int:
    return floor(start * (1 - Fraction(policy.value, 100))) if policy.percent else start - policy.value


def _size_at(sizes: Sizes, moment: float, size: int) -> int:
    """The size at the beginning of a period; before the first one that was seen nothing had changed."""
    known = [seen for since, seen in sizes if since <= moment]
    return known[-1] if known else sizes[0][1] if sizes else size


def _again_in(policy: Policy, sizes: Sizes, now: float) -> float:
    """Until the first change of the period has left it; the first size that was seen is no change."""
    changes = [since for since, _ in sizes[1:] if since > now - policy.period]
    return changes[0] + policy.period - now if changes else policy.period
