"""Simulated pods of one pool and the queue that they read: discrete events, no clock but the simulation's own.

Workers fetch one task for each free slot and nothing ahead, as Taskfleet's do. Redis serves the worker that has
waited longest, so tasks spread over all pods.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from taskfleet.resources.probes import readiness_probe

_PROBE = readiness_probe()
UNREADY_AFTER_SECONDS = float(_PROBE["periodSeconds"] * _PROBE["failureThreshold"])


@dataclass(frozen=True)
class Workload:
    """Tasks by number, in the order of their arrival: when each comes and how long it runs. Seconds."""

    arrives: Sequence[float]
    takes: Sequence[float]


@dataclass(frozen=True)
class PodShape:
    """What all pods of a fleet have in common. Seconds."""

    capacity: int
    start: float  # from the pod's creation until its worker fetches
    grace: float  # a removed pod that still works after this is killed


@dataclass(eq=False)
class Pod:
    """`active` are its running tasks by number, each with when it began."""

    name: str
    created_at: float
    consumes: bool = False
    active: dict[int, float] = field(default_factory=dict)
    draining: bool = False
    idle_since: float = 0.0
    marked: bool = False
    removed: bool = False
    in_line: bool = False
    done: int = 0
    busy_seconds: float = 0.0

    @property
    def drained(self) -> bool:
        return self.draining and not self.active

    def ready(self, now: float) -> bool:
        return self.consumes and not (self.drained and now - self.idle_since >= UNREADY_AFTER_SECONDS)


class _Kind(Enum):
    STARTED = 0
    TASK_ENDS = 1
    KILLED = 2


class _Event(NamedTuple):
    at: float
    order: int  # of events at one moment, the first made is the first to happen
    kind: _Kind
    pod: Pod
    task: int = -1


class Fleet:
    """`pods` are those that count as replicas; pods that were removed work on until their tasks end."""

    def __init__(self, workload: Workload, shape: PodShape, *, random: Random) -> None:
        self.workload, self.shape = workload, shape
        self.now = 0.0
        self.pods: dict[str, Pod] = {}
        self.waiting: deque[int] = deque()
        self.began: dict[int, float] = {}  # the first start of each task
        self.pod_seconds = 0.0  # of pods that are gone
        self.disturbed = 0
        self.killed = 0
        self.largest = 0
        self._random = random
        self._leaving: dict[str, Pod] = {}
        self._events: list[_Event] = []
        self._line: deque[Pod] = deque()  # pods that wait for a task, the longest wait first
        self._arrived = 0
        self._made = 0

    @property
    def existing(self) -> int:
        return len(self.pods) + len(self._leaving)

    @property
    def running(self) -> int:
        return sum(len(pod.active) for pods in (self.pods, self._leaving) for pod in pods.values())

    def advance(self, until: float) -> None:
        """Process all events before `until`."""
        arrives = self.workload.arrives
        while True:
            arrival = arrives[self._arrived] if self._arrived < len(arrives) else until
            event = self._events[0].at if self._events else until
            if min(arrival, event) >= until:
                break
            if arrival <= event:
                self.now = arrival
                self.waiting.append(self._arrived)
                self._arrived += 1
            else:
                self._happen(heappop(self._events))
            self._hand_out()
        self.now = until

    def scale(self, replicas: int) -> None:
        """Set the Deployment's size. Too many pods: the ReplicaSet controller chooses who goes."""
        surplus = len(self.pods) - replicas
        if surplus > 0:
            for pod in sorted(self.pods.values(), key=self._rank)[:surplus]:
                self._remove(pod)
        for _ in range(-surplus):
            self._create()

    def warm_up(self, replicas: int) -> None:
        """Pods that were there before the simulation began."""
        for _ in range(replicas):
            self._start(self._create(starts=False))

    def drain(self, name: str) -> None:
        pod = self.pods[name]
        if not pod.draining:
            pod.draining = True
            pod.idle_since = self.now

    def resume(self, name: str) -> None:
        pod = self.pods[name]
        pod.draining = pod.marked = False
        self._queue_up(pod)
        self._hand_out()

    def total_pod_seconds(self) -> float:
        alive = (pod for pods in (self.pods, self._leaving) for pod in pods.values())
        return self.pod_seconds + sum(self.now - pod.created_at for pod in alive)

    def _rank(self, pod: Pod) -> tuple[bool, bool, bool, float]:
        """Kubernetes 1.34 `pkg/controller/controller_utils.go` ActivePodsWithRanks; then at random."""
        return pod.consumes, pod.ready(self.now), not pod.marked, self._random.random()

    def _create(self, *, starts: bool = True) -> Pod:
        self._made += 1
        pod = Pod(f"pod-{self._made:06}", self.now)
        self.pods[pod.name] = pod
        self.largest = max(self.largest, len(self.pods))
        if starts:
            self._at(self.now + self.shape.start, _Kind.STARTED, pod)
        return pod

    def _remove(self, pod: Pod) -> None:
        """TERM: a busy pod finishes its tasks first, if the grace period allows it."""
        del self.pods[pod.name]
        pod.removed = True
        if not pod.active:
            self._gone(pod)
            return
        self.disturbed += len(pod.active)
        self._leaving[pod.name] = pod
        self._at(self.now + self.shape.grace, _Kind.KILLED, pod)

    def _gone(self, pod: Pod) -> None:
        self._leaving.pop(pod.name, None)
        self.pod_seconds += self.now - pod.created_at

    def _at(self, moment: float, kind: _Kind, pod: Pod, task: int = -1) -> None:
        self._made += 1
        heappush(self._events, _Event(moment, self._made, kind, pod, task))

    def _happen(self, event: _Event) -> None:
        self.now, pod = event.at, event.pod
        if event.kind is _Kind.STARTED and not pod.removed:
            self._start(pod)
        elif event.kind is _Kind.TASK_ENDS and event.task in pod.active:
            self._end(pod, event.task)
        elif event.kind is _Kind.KILLED and pod.active:
            self.killed += len(pod.active)
            self.waiting.extendleft(reversed(pod.active))  # unacknowledged, so they go back
            pod.active.clear()
            self._gone(pod)

    def _start(self, pod: Pod) -> None:
        pod.consumes = True
        self._queue_up(pod)
        self._hand_out()

    def _end(self, pod: Pod, task: int) -> None:
        pod.busy_seconds += self.now - pod.active.pop(task)
        pod.done += 1
        if pod.active:
            self._queue_up(pod)
            return
        pod.idle_since = self.now
        if pod.removed:
            self._gone(pod)
        else:
            self._queue_up(pod)

    def _queue_up(self, pod: Pod) -> None:
        if self._fetches(pod) and not pod.in_line:
            pod.in_line = True
            self._line.append(pod)

    def _fetches(self, pod: Pod) -> bool:
        free = len(pod.active) < self.shape.capacity
        return free and pod.consumes and not pod.draining and not pod.removed

    def _hand_out(self) -> None:
        while self.waiting and self._line:
            pod = self._line.popleft()
            pod.in_line = False
            if not self._fetches(pod):
                continue
            task = self.waiting.popleft()
            self.began.setdefault(task, self.now)
            pod.active[task] = self.now
            self._at(self.now + self.workload.takes[task], _Kind.TASK_ENDS, pod, task)
            self._queue_up(pod)
