"""When a pool gets the size that its load asks for: it grows at once and shrinks after the keepalive."""

from dataclasses import dataclass, replace
from enum import StrEnum

from taskfleet.scaling.demand import Want, want
from taskfleet.scaling.load import PodState, PoolLoad


class Cause(StrEnum):
    """What decided a size. Users match on the values, so a value is never renamed."""

    DEMAND = "Demand"  # the tasks that run and wait
    KEEPALIVE = "Keepalive"  # more were wanted within the last keepalive
    ROLLOUT = "Rollout"  # pods are being replaced: it may grow and does not shrink
    BROKER_UNREACHABLE = "BrokerUnreachable"  # nothing is known, so nothing changes
    CANNOT_START = "CannotStart"  # new pods do not come up, so no more are added
    REPLICAS = "Replicas"  # spec.replicas, or the 1 of a pool that names nothing
    SUSPENDED = "Suspended"  # spec.suspend


@dataclass(frozen=True)
class Memory:
    """What of the past counts. `peaks` are falling numbers of pods, each with the last time it was wanted."""

    peaks: tuple[tuple[float, int], ...] = ()
    empty_readings: int = 0  # in a row: nothing waits and nothing runs


@dataclass(frozen=True)
class Sizing:
    """How many pods should consume, and why."""

    pods: int
    cause: Cause
    sentence: str
    want: Want | None = None  # None while nothing is known


def remember(consuming: int, now: float) -> Memory:
    """The memory of an operator that has just begun: what runs now was wanted until now."""
    return Memory(peaks=((now, consuming),))


def decide(load: PoolLoad, memory: Memory, now: float) -> tuple[Sizing, Memory]:
    """The number of pods that should consume.

    Celery 5.7 `celery/worker/autoscale.py` grows at once and shrinks when AUTOSCALE_KEEPALIVE has passed
    since it last grew or received a task. Here the size falls to the largest one wanted during the keepalive,
    so a trickle does not hold up a fleet; only the last pod waits for the last task.
    """
    size = load.size
    if not load.broker_reachable:
        sentence = f"The broker is not reachable; keeping {size} pods."
        return Sizing(size, Cause.BROKER_UNREACHABLE, sentence), memory
    wanted = want(load)
    memory = _remember_want(memory, wanted.pods, load, now)
    if wanted.pods >= size:
        return _grow(load, wanted, size), memory
    return _shrink(load, wanted, size, memory, now), memory


def _grow(load: PoolLoad, wanted: Want, size: int) -> Sizing:
    able = size + len(load.of(PodState.DRAINING)) + len(load.of(PodState.DRAINED))
    if load.cannot_start is not None and wanted.pods > able:
        sentence = f"{wanted.sentence}; keeping {able}, because new pods do not start: {load.cannot_start}"
        return Sizing(able, Cause.CANNOT_START, sentence, wanted)
    return Sizing(wanted.pods, Cause.DEMAND, f"{wanted.sentence}.", wanted)


def _shrink(load: PoolLoad, wanted: Want, size: int, memory: Memory, now: float) -> Sizing:
    if load.rolling:
        sentence = f"{wanted.sentence}; keeping {size} during a rollout."
        return Sizing(size, Cause.ROLLOUT, sentence, wanted)
    peak = min(size, max((pods for _, pods in memory.peaks), default=wanted.pods))
    if peak == 0 and load.received_at is not None and now - load.received_at < load.limits.keepalive:
        peak = min(size, 1)
    if peak > wanted.pods:
        sentence = f"{wanted.sentence}; keeping {peak}, needed within the last {load.limits.keepalive:g} s."
        return Sizing(peak, Cause.KEEPALIVE, sentence, wanted)
    return Sizing(wanted.pods, Cause.DEMAND, f"{wanted.sentence}.", wanted)


def _remember_want(memory: Memory, pods: int, load: PoolLoad, now: float) -> Memory:
    """Drop what is older than the keepalive and every smaller number that came before `pods`.

    The last number was wanted until now: had it changed, there would have been a decision before.
    """
    oldest = now - load.limits.keepalive
    held = [(now, peak) for _, peak in memory.peaks[-1:]]
    peaks = tuple((at, peak) for at, peak in (*memory.peaks[:-1], *held) if at > oldest and peak > pods)
    empty = load.waiting == 0 and load.running == 0 and not load.of(PodState.DRAINING)
    readings = memory.empty_readings + 1 if empty else 0
    return replace(memory, peaks=(*peaks, (now, pods)), empty_readings=readings)
