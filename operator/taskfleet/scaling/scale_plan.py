"""From the wanted number of consuming pods to what is done with each pod. No pod goes that still has work."""

from dataclasses import dataclass

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad

_READINGS_BEFORE_ZERO = 2


@dataclass(frozen=True)
class ScalePlan:
    """What to do now. Names of pods; `replicas` is the new size of the Deployment."""

    replicas: int
    resume: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()  # includes those that drain already: their lease is renewed
    mark: tuple[str, ...] = ()  # pods that take no task any more, to be deleted first
    # Pods that work, or may: the operator that marked them died before it could revert that.
    unmark: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()  # deleted pods that did not get the kubelet's TERM
    delete: tuple[tuple[str, str], ...] = ()  # names and uids of drained pods, which a ReplicaSet replaces


def moves(
    load: PoolLoad, wanted: int, *, empty_readings: int, forced: bool = False, first: str | None = None
) -> ScalePlan:
    """Bring the consuming pods to `wanted`. `forced`: suspended or fixed, whatever waits.

    Growing first wakes draining pods, those with the most tasks first, then adds pods. Shrinking asks pods to drain,
    those that start first, then the pod `first`, then those with the fewest tasks. It removes those that are drained
    and marked, and those that have not started since they were asked: they would come up drained.
    """
    consuming = load.of(PodState.CONSUMING)
    leaving = _leaving(load)
    missing = wanted - len(consuming)
    resume = [pod for pod in leaving if not (pod.stopping or pod.owed)][: max(0, missing)]
    # By name: to compare pods takes long where there are thousands.
    woken = {pod.name for pod in resume}
    stay = [pod for pod in leaving if pod.name not in woken]
    surplus = min(len(consuming), load.size) - wanted  # a rollout takes its own surplus pods away itself
    starting = _allowed_start(load, max(0, missing - len(resume)))  # pods that should be on their way up
    kept, unwanted = _young(load, starting)
    drain = stay + _victims(consuming, surplus, first, silent_too=forced) + unwanted
    # The user has decided: what cannot be asked to drain finishes its tasks on TERM.
    gone = {pod.name for pod in drain if pod.removable or (forced and pod.stale and pod.marked)}
    if load.rolling:
        size = max(load.replicas, wanted + len(stay)) if wanted > load.size else load.replicas
    else:
        size = starting + _staying(consuming + leaving, unwanted, gone, most=load.replicas - starting)
    size = min(size, max(load.replicas, load.limits.most))
    if size == 0 and load.replicas > 0 and not forced and empty_readings < _READINGS_BEFORE_ZERO:
        size = min(load.replicas, 1)
    first_to_go = [pod for pod in drain if _takes_no_task(pod) or (forced and pod.stale)]
    marks = {pod.name for pod in first_to_go} | {pod.name for pod in leaving if _committed(pod)}
    return ScalePlan(
        replicas=size,
        resume=tuple(pod.name for pod in resume + [pod for pod in kept if pod.asked or pod.marked]),
        drain=tuple(pod.name for pod in drain),
        mark=tuple(pod.name for pod in first_to_go if not pod.marked),
        unmark=tuple(pod.name for pod in load.pods if pod.marked and pod.name not in marks),
    )


def _leaving(load: PoolLoad) -> list[PodLoad]:
    """Draining and drained pods, first the one to wake first."""
    return sorted(
        load.of(PodState.DRAINING) + load.of(PodState.DRAINED),
        key=lambda pod: (
            pod.due is not None,  # it would have to go again
            pod.state is PodState.DRAINED,
            -pod.active - pod.prefetched,
            pod.name,
        ),
    )


def _staying(up: list[PodLoad], unwanted: list[PodLoad], gone: set[str], *, most: int) -> int:
    """How many of the pods that are up, or start though nobody wants them, the size counts.

    No reason to grow above `most`: who is owed to a ReplicaSet, or starts and is not wanted.
    """
    left = len(up) + len(unwanted) - len(gone)
    firm = sum(not (pod.owed or pod.name in gone) for pod in up)
    return min(left, max(most, firm))


def _takes_no_task(pod: PodLoad) -> bool:
    """Of the pods that are asked to drain: a starting one comes up drained."""
    return pod.state in (PodState.DRAINED, PodState.STARTING)


def _committed(pod: PodLoad) -> bool:
    """Without its mark another pod would go in its place."""
    return pod.owed and pod.state is PodState.DRAINING


def _allowed_start(load: PoolLoad, starting: int) -> int:
    """No pod is added that cannot start."""
    return starting if load.cannot_start is None else min(starting, load.starting)


def _young(load: PoolLoad, wanted: int) -> tuple[list[PodLoad], list[PodLoad]]:
    """Pods that start: so many that stay, and the others. A ReplicaSet deletes pending ones before any other."""
    young = sorted(load.of(PodState.STARTING), key=lambda pod: (pod.owed, pod.pending, pod.marked, pod.name))
    if load.rolling:
        return young, []
    stay = min(wanted, sum(not pod.owed for pod in young))
    return young[:stay], young[stay:]


def _victims(consuming: list[PodLoad], count: int, first: str | None, *, silent_too: bool) -> list[PodLoad]:
    """The pods with the fewest tasks, of these the ones that are due to be recycled.

    One whose report stands still may be busy: it is chosen last or never.
    """
    able = [pod for pod in consuming if silent_too or not pod.stale]
    able.sort(
        key=lambda pod: (pod.stale, pod.name != first, pod.active + pod.prefetched, pod.due is None, pod.name)
    )
    return able[: max(0, count)]
