"""When a pool gets the size that its load asks for. By default it grows at once and shrinks after a while."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

from taskfleet.scaling.behavior import Sizes, StepLimit, highest, longest_period, lowest, with_size
from taskfleet.scaling.demand import Want, want
from taskfleet.scaling.load import PodState, PoolLoad


class Cause(StrEnum):
    """What decided a size. Users match on the values, so a value is never renamed."""

    DEMAND = "Demand"  # the tasks that run and wait
    # The HorizontalPodAutoscaler's four reasons for what its behavior does.
    SCALE_UP_STABILIZED = "ScaleUpStabilized"  # fewer were wanted within scaleUp.stabilizationWindow
    SCALE_DOWN_STABILIZED = "ScaleDownStabilized"  # more were wanted within scaleDown.stabilizationWindow
    SCALE_UP_LIMIT = "ScaleUpLimit"  # no policy of scaleUp allows a larger step
    SCALE_DOWN_LIMIT = "ScaleDownLimit"  # no policy of scaleDown allows a larger step
    ROLLOUT = "Rollout"  # pods are being replaced: it may grow and does not shrink
    BROKER_UNREACHABLE = "BrokerUnreachable"  # nothing is known, so nothing changes
    CANNOT_START = "CannotStart"  # new pods do not come up, so no more are added
    REPLICAS = "Replicas"  # spec.replicas, or the 1 of a pool that names nothing
    SUSPENDED = "Suspended"  # spec.suspend
    RECYCLE = "Recycle"  # a pod that is too old or too large is replaced; the size is the same


@dataclass(frozen=True)
class Memory:
    """What of the past counts. `peaks` are falling numbers of pods, each with the last time it was wanted; `lows` are
    rising ones.
    """

    peaks: tuple[tuple[float, int], ...] = ()
    lows: tuple[tuple[float, int], ...] = ()
    sizes: Sizes = ()  # as far back as a policy counts
    empty_readings: int = 0  # in a row: nothing waits and nothing runs


@dataclass(frozen=True)
class Sizing:
    """How many pods should consume, and why."""

    pods: int
    cause: Cause
    sentence: str
    want: Want | None = None  # None while nothing is known
    recycled: str | None = None  # the pod that is being replaced
    until: float | None = None  # when time alone may change it


def remember(consuming: int, now: float) -> Memory:
    """The memory of an operator that has just begun: what runs now was wanted until now."""
    return Memory(peaks=((now, consuming),), lows=((now, consuming),))


def decide(load: PoolLoad, memory: Memory, now: float) -> tuple[Sizing, Memory]:
    """The number of pods that should consume.

    Celery 5.7 `celery/worker/autoscale.py` grows at once and shrinks when AUTOSCALE_KEEPALIVE has passed
    since it last grew or received a task. Here the size falls to the largest one wanted during the window of
    scaleDown, so a trickle does not hold up a fleet; only the last pod waits for the last task.
    """
    size = load.size
    if not load.broker_reachable:
        sentence = f"The broker is not reachable; keeping {size} pods."
        return Sizing(size, Cause.BROKER_UNREACHABLE, sentence), memory
    wanted = want(load)
    memory = _remember(memory, wanted.pods, load, now)
    if wanted.pods >= size:
        return _grow(load, wanted, memory, now), memory
    return _shrink(load, wanted, memory, now), memory


def _grow(load: PoolLoad, wanted: Want, memory: Memory, now: float) -> Sizing:
    size, limits = load.size, load.limits
    able = size + len(load.of(PodState.DRAINING)) + len(load.of(PodState.DRAINED))
    if load.cannot_start is not None and wanted.pods > able:
        sentence = f"{wanted.sentence}; keeping {able}, because new pods do not start: {load.cannot_start}"
        return Sizing(able, Cause.CANNOT_START, sentence, wanted)
    # A HorizontalPodAutoscaler leaves a size of zero alone and raises a size below its minimum at once.
    at_once = min(wanted.pods, max(size, limits.least, 1))
    stable, left = _lowest_wanted(memory, wanted.pods, limits.up.window, now)
    stable = max(stable, at_once)
    limit = highest(limits.up, memory.sizes, size, now)
    if limit is not None and max(limit.pods, at_once) < stable:
        return _limited(wanted, replace(limit, pods=max(limit.pods, at_once)), "scaleUp", now)
    if stable < wanted.pods:
        sentence = (
            f"{wanted.sentence}; {stable} for {ceil(left)} s, because no more were needed at some time within the "
            f"last {limits.up.window:g} s"
        )
        return Sizing(stable, Cause.SCALE_UP_STABILIZED, f"{sentence}.", wanted, until=now + left)
    return Sizing(wanted.pods, Cause.DEMAND, f"{wanted.sentence}.", wanted)


def _shrink(load: PoolLoad, wanted: Want, memory: Memory, now: float) -> Sizing:
    size, rules = load.size, load.limits.down
    if load.rolling:
        sentence = f"{wanted.sentence}; keeping {size} during a rollout."
        return Sizing(size, Cause.ROLLOUT, sentence, wanted)
    peak, until = min(size, max((pods for _, pods in memory.peaks), default=wanted.pods)), now
    if memory.peaks and peak > wanted.pods:
        until = memory.peaks[0][0] + rules.window
    if peak == 0 and load.received_at is not None and now - load.received_at < rules.window:
        peak, until = min(size, 1), load.received_at + rules.window
    limit = lowest(rules, memory.sizes, size, now)
    # A HorizontalPodAutoscaler lowers a size above its maximum at once.
    if limit is not None and (pods := min(limit.pods, size, load.limits.most)) > peak:
        return _limited(wanted, replace(limit, pods=pods), "scaleDown", now)
    if peak > wanted.pods:
        sentence = (
            f"{wanted.sentence}; keeping {peak} for {ceil(until - now)} s, because they were needed within the "
            f"last {rules.window:g} s"
        )
        return Sizing(peak, Cause.SCALE_DOWN_STABILIZED, f"{sentence}.", wanted, until=until)
    return Sizing(wanted.pods, Cause.DEMAND, f"{wanted.sentence}.", wanted)


def _limited(wanted: Want, limit: StepLimit, field: str, now: float) -> Sizing:
    cause = Cause.SCALE_UP_LIMIT if field == "scaleUp" else Cause.SCALE_DOWN_LIMIT
    until = now + limit.again_in if limit.again_in is not None else None
    return Sizing(limit.pods, cause, f"{wanted.sentence}; {limit.sentence(field)}.", wanted, until=until)


def _lowest_wanted(memory: Memory, wanted: int, window: float, now: float) -> tuple[int, float]:
    """The smallest number that was wanted within the window, and for how many seconds that still counts."""
    at, low = memory.lows[0] if memory.lows else (now, wanted)
    return low, at + window - now


def _remember(memory: Memory, pods: int, load: PoolLoad, now: float) -> Memory:
    """What is wanted now, and of before only what still counts.

    The last number was wanted until now: had it changed, there would have been a decision before.
    """
    up, down = load.limits.up, load.limits.down
    empty = load.waiting == 0 and load.running == 0 and not load.of(PodState.DRAINING)
    return replace(
        memory,
        peaks=_extremes(memory.peaks, pods, now, now - down.window, sign=1),
        lows=_extremes(memory.lows, pods, now, now - up.window, sign=-1) if up.window else ((now, pods),),
        sizes=with_size(memory.sizes, load.size, now, period=longest_period((up, down))),
        empty_readings=memory.empty_readings + 1 if empty else 0,
    )


def _extremes(
    known: tuple[tuple[float, int], ...], pods: int, now: float, oldest: float, *, sign: int
) -> tuple[tuple[float, int], ...]:
    """Drop what is too old and every number that came before `pods` and is not beyond it."""
    held = [(now, number) for _, number in known[-1:]]
    left = tuple(
        (at, number) for at, number in (*known[:-1], *held) if at > oldest and sign * (number - pods) > 0
    )
    return (*left, (now, pods))
