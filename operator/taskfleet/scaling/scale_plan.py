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
    mark: tuple[str, ...] = ()  # drained pods, to be deleted first
    unmark: tuple[str, ...] = ()  # pods that work, or may: whoever marked them did not live to take it back
    stop: tuple[str, ...] = ()  # deleted pods that have not heard the kubelet's TERM


def moves(load: PoolLoad, wanted: int, *, empty_readings: int, forced: bool = False) -> ScalePlan:
    """Bring the consuming pods to `wanted`. `forced`: suspended or fixed, whatever waits.

    Growing first wakes draining pods, those with the most tasks first, then adds pods. Shrinking drains the
    pods with the fewest tasks and removes pods that never started, and drained ones that are marked.
    """
    consuming = load.of(PodState.CONSUMING)
    leaving = sorted(
        load.of(PodState.DRAINING) + load.of(PodState.DRAINED),
        key=lambda pod: (pod.state is PodState.DRAINED, -pod.active - pod.prefetched, pod.name),
    )
    missing = wanted - len(consuming)
    resume = [pod for pod in leaving if not pod.stopping][: max(0, missing)]
    stay = [pod for pod in leaving if pod not in resume]
    surplus = min(len(consuming), load.size) - wanted  # a rollout takes its own surplus pods away itself
    drain = stay + _victims(consuming, surplus, silent_too=forced)
    starting = max(0, missing - len(resume))  # pods that should be on their way up
    # The user has decided: what cannot be asked to drain finishes its tasks on TERM.
    silent = [pod for pod in drain if pod.stale] if forced else []
    gone = [pod for pod in stay if pod.removable] + [pod for pod in silent if pod.marked]
    if load.rolling:
        size = max(load.replicas, wanted + len(stay)) if wanted > load.size else load.replicas
    else:
        size = len(consuming) + len(leaving) - len(gone) + _allowed_start(load, starting)
    size = min(size, max(load.replicas, load.limits.most))
    if size == 0 and load.replicas > 0 and not forced and empty_readings < _READINGS_BEFORE_ZERO:
        size = min(load.replicas, 1)
    return ScalePlan(
        replicas=size,
        resume=tuple(pod.name for pod in resume),
        drain=tuple(pod.name for pod in drain),
        mark=tuple(pod.name for pod in drain if not pod.marked and (_drained(pod) or pod in silent)),
        unmark=tuple(
            pod.name
            for pod in load.pods
            if pod.marked and (pod in resume or not (_drained(pod) or pod in silent))
        ),
    )


def _drained(pod: PodLoad) -> bool:
    return pod.state is PodState.DRAINED


def _allowed_start(load: PoolLoad, starting: int) -> int:
    """Never-ready pods hold no work, so surplus ones go; and none is added in vain.

    A pod that works before the API server knows it as ready looks like one that starts. While there is one, only
    pods go that a ReplicaSet deletes before it.
    """
    if load.cannot_start is not None:
        starting = min(starting, load.starting)
    if any(pod.unready for pod in load.of(PodState.CONSUMING) + load.of(PodState.DRAINING)):
        return max(starting, sum(not pod.pending for pod in load.of(PodState.STARTING)))
    return starting


def _victims(consuming: list[PodLoad], count: int, *, silent_too: bool) -> list[PodLoad]:
    """The pods with the fewest tasks. One whose report stands still may be busy: it is chosen last or never."""
    able = [pod for pod in consuming if silent_too or not pod.stale]
    able.sort(key=lambda pod: (pod.stale, pod.active + pod.prefetched, pod.name))
    return able[: max(0, count)]
