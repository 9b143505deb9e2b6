"""What a decision about a pool's size is made from. Times are seconds of one monotonic clock."""

from dataclasses import dataclass
from enum import StrEnum

from taskfleet.api import WorkerPool
from taskfleet.scaling.behavior import Rules

_AT_ONCE = Rules()
_DOWN_WINDOW_SECONDS = 30.0  # Celery's AUTOSCALE_KEEPALIVE


class PodState(StrEnum):
    STARTING = "Starting"  # never ready and never seen to consume: holds no work
    CONSUMING = "Consuming"  # fetches tasks
    DRAINING = "Draining"  # asked to fetch no more, still holds tasks or has not answered
    DRAINED = "Drained"  # said so lately: holds nothing and fetches nothing


@dataclass(frozen=True, slots=True)
class Due:
    """A pod is to be recycled: why, such as: it is 24 h 3 min old and recycle.maxAge is 24h."""

    why: str
    uid: str


@dataclass(frozen=True, slots=True)
class PodLoad:
    """One pod that is not being deleted."""

    name: str
    state: PodState
    active: int = 0
    prefetched: int = 0
    stale: bool = False  # its report stands still: counts as fully busy, is never chosen
    marked: bool = False  # has the mark by which a ReplicaSet deletes it first
    removable: bool = False  # marked and unready, and takes no task: drained, or will be as soon as it starts
    held_back: int = 0  # ETA and rate-limited tasks in its hands
    asked: bool = False  # there is a request to drain for it
    pending: bool = False  # not placed on a node, or its image is not there: a ReplicaSet deletes it first
    stopping: bool = False  # its worker ends without having been asked to drain: nothing makes it fetch again
    unready: bool = False  # in the API server's eyes
    owed: bool = False  # the size was lowered for it: a ReplicaSet may be deleting it, so nothing wakes it
    due: Due | None = None  # it is to be recycled

    def tasks(self, capacity: int) -> int:
        """Tasks that need one of its slots."""
        return capacity if self.stale else min(self.active + self.prefetched, capacity)


@dataclass(frozen=True)
class Limits:
    """How far a pool scales, out of its spec and what its pods have told."""

    capacity: int  # tasks a pod can run at once
    least: int
    most: int
    target_wait: float | None = None
    up: Rules = _AT_ONCE
    down: Rules = _AT_ONCE

    @classmethod
    def of(cls, pool: WorkerPool) -> "Limits":
        """Without autoscale the size is fixed."""
        scale = pool.spec.autoscale
        if scale is None:
            size = pool.spec.fixed_size or 0
            return cls(pool.capacity, least=size, most=size)
        wait = scale.target_wait.total_seconds() if scale.target_wait is not None else None
        up = Rules.of(scale.behavior.scale_up, window=0.0)
        keepalive = scale.keepalive.total_seconds() if scale.keepalive is not None else _DOWN_WINDOW_SECONDS
        down = Rules.of(scale.behavior.scale_down, window=keepalive)
        return cls(pool.capacity, scale.min_replicas, scale.max_replicas, wait, up, down)


@dataclass(frozen=True)
class PoolLoad:
    """One pool at one moment."""

    limits: Limits
    replicas: int  # spec.replicas of the Deployment
    pods: tuple[PodLoad, ...] = ()
    waiting: int = 0  # its share of what waits in its queues
    held_back: int = 0  # ETA and rate-limited tasks: they keep one pod, never more
    service_time: float | None = None  # mean seconds of the last tasks
    arrival_rate: float = 0.0  # tasks a second
    received_at: float | None = None  # when a task was last received
    broker_reachable: bool = True
    rolling: bool = False  # a rollout is under way and within its deadline
    cannot_start: str | None = None  # why new pods do not come up
    next_run_in: float | None = None  # seconds until a PeriodicSchedule of its queues is due
    learning: str | None = None  # what only a pod can tell, as long as none has told it
    lead: float = 0.0  # seconds before such a run at which a pod must start
    spare: int = 0  # pods more than decided (or fewer: negative), because one is being replaced

    def of(self, state: PodState) -> list[PodLoad]:
        return [pod for pod in self.pods if pod.state is state]

    @property
    def running(self) -> int:
        """Tasks on the pods that consume, each counted as far as the pod can run it."""
        return sum(pod.tasks(self.limits.capacity) for pod in self.of(PodState.CONSUMING))

    @property
    def free(self) -> int:
        """Slots of consuming pods that have no task."""
        return len(self.of(PodState.CONSUMING)) * self.limits.capacity - self.running

    @property
    def size(self) -> int:
        """Pods that consume or will; the surplus ones that a rollout or a recycling brings are not meant to stay."""
        leaving = len(self.of(PodState.DRAINING)) + len(self.of(PodState.DRAINED))
        size = len(self.of(PodState.CONSUMING)) + self.starting - self.spare
        return min(size, max(0, self.replicas - leaving)) if self.rolling else size

    @property
    def starting(self) -> int:
        """Pods that are wanted and do not consume yet, the unseen ones among them."""
        return max(0, self.replicas - sum(pod.state is not PodState.STARTING for pod in self.pods))
