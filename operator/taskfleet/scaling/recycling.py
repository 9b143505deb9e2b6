"""Replacing one pod at a time without a change of the pool's size. Pure.

As in a rollout, a replacement starts before the old pod drains, or else the old pod's place stays empty for a while.
Either way the pool keeps as many ready pods as a rollout would leave it, and no pod goes that still has work.
"""

from dataclasses import replace

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.scale_plan import ScalePlan, moves
from taskfleet.scaling.sizing import Cause, Sizing

_LEAVING = (PodState.DRAINING, PodState.DRAINED)


def spare_pods(load: PoolLoad, last: Sizing | None) -> int:
    """Pods that the pool has more than were decided on (or fewer: negative), because one is being replaced.

    A decision about the size must not see them: where scaleDown is Disabled, each recycling would leave one more.
    """
    if last is None or last.recycled is None:
        return 0
    return max(-1, min(1, load.size - last.pods))


def pod_to_recycle(load: PoolLoad, wanted: int, last: str | None) -> PodLoad | None:
    """The pod that is being replaced, `last` before others, or the next one. None while that must wait.

    It waits for all pods that are wanted, because starting pods would be taken for replacements, and for pods that go
    for another reason and are due as well.
    """
    if wanted == 0 or load.rolling or load.replicas < wanted:
        return None
    due = [pod for pod in load.pods if pod.due is not None and not pod.stale and not pod.stopping]
    leaving = [pod for pod in due if pod.state in _LEAVING]
    if leaving:
        return next((pod for pod in leaving if pod.name == last), None)
    able = [pod for pod in due if pod.state is PodState.CONSUMING and not pod.owed]
    if len(load.of(PodState.CONSUMING)) < wanted:
        return None
    return min(able, key=lambda pod: (pod.name != last, pod.active + pod.prefetched, pod.name), default=None)


def recycling(
    load: PoolLoad, verdict: Sizing, pod: PodLoad, *, surges: bool, empty_readings: int, forced: bool
) -> ScalePlan:
    """The moves that bring the pool to its size and replace the pod."""
    wanted, leaving = verdict.pods, pod.state in _LEAVING
    others = replace(load, pods=tuple(one for one in load.pods if one.name != pod.name))
    ready = sum(not one.unready for one in others.of(PodState.CONSUMING))
    if surges and not leaving and ready < wanted:
        more = replace(load, limits=replace(load.limits, most=max(load.limits.most, wanted) + 1))
        return moves(more, wanted + 1, empty_readings=empty_readings, forced=forced)
    others = replace(others, replicas=load.replicas - 1)
    if surges or others.size >= wanted:  # its place is taken, or not needed any more
        return moves(load, wanted, empty_readings=empty_readings, forced=forced, first=pod.name)
    if not leaving and ready < wanted - 1:
        return moves(load, wanted, empty_readings=empty_readings, forced=forced)
    step = moves(others, wanted - 1, empty_readings=empty_readings, forced=forced)
    # Its place in the Deployment is kept, so whoever comes after an operator that dies here has nothing to repair.
    return replace(
        step,
        replicas=step.replicas + 1,
        drain=(*step.drain, pod.name),
        delete=((pod.name, pod.due.uid),) if pod.due is not None and pod.state is PodState.DRAINED else (),
    )


def with_recycling(verdict: Sizing, pod: PodLoad) -> Sizing:
    """The decision, and why the pod is replaced."""
    sentence = f"{verdict.sentence} {recycling_sentence(pod)}"
    return replace(verdict, cause=Cause.RECYCLE, sentence=sentence, recycled=pod.name)


def recycling_sentence(pod: PodLoad) -> str:
    return f"Pod {pod.name} is recycled: {pod.due.why if pod.due is not None else ''}."
