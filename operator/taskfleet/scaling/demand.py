"""From tasks to pods: Celery's autoscale rule with pods in place of processes."""

from dataclasses import dataclass
from math import ceil

from taskfleet.scaling.load import PoolLoad
from taskfleet.scaling.prewarm import prewarm


@dataclass(frozen=True)
class Want:
    """The number of pods that the load asks for, and the sum behind it."""

    pods: int  # within the limits
    unlimited: int  # what the load alone asks for
    sentence: str


def want(load: PoolLoad) -> Want:
    """One slot for every task that runs or waits, or fewer where tasks may wait (targetWait).

    Celery 5.7 `celery/worker/autoscale.py`: processes = min(reserved, max), where reserved excludes tasks
    whose ETA has not come.
    """
    limits = load.limits
    slots, sentence = _slots(load)
    pods = ceil(slots / limits.capacity)
    sentence += f" at {limits.capacity} per pod: {_count(pods)}"
    if pods == 0 and load.held_back:
        pods, sentence = 1, f"{load.held_back} tasks wait for their ETA or a rate limit: 1 pod holds them"
    elif pods == 0 and (early := prewarm(load)) is not None:
        pods, sentence = 1, early
    elif pods == 0 and load.learning is not None:
        pods, sentence = 1, f"no pod has reported {load.learning} yet: 1 pod"
    wanted = min(max(pods, limits.least), limits.most)
    if wanted < pods:
        sentence += f"; limited by maxReplicas {limits.most}"
    elif wanted > pods:
        sentence += f"; kept at minReplicas {limits.least}"
    return Want(wanted, pods, sentence)


def _slots(load: PoolLoad) -> tuple[int, str]:
    running, waiting = load.running, load.waiting
    said = f"{waiting} waiting + {running} running"
    wait, service = load.limits.target_wait, load.service_time
    if wait is None:
        return running + waiting, said
    if service is None:
        return running + waiting, f"{said} (task duration not known yet)"
    # Within the wait T one slot serves T/s tasks; and the slots must keep up with what arrives.
    backlog = running + ceil(waiting * min(1.0, service / wait))
    steady = ceil(load.arrival_rate * service)
    said += f", {service:.1f} s per task, {load.arrival_rate:.1f} tasks/s, targetWait {wait:g} s"
    slots = max(backlog, steady)
    return slots, f"{said}: {slots} slots"


def _count(pods: int) -> str:
    return "1 pod" if pods == 1 else f"{pods} pods"
