"""KEDA with a Redis list scaler, and the HorizontalPodAutoscaler that it steers, both with their defaults.

KEDA 2 `pkg/scaling/executor/scale_scaledobjects.go` takes the step from and to zero. Kubernetes 1.34
`pkg/controller/podautoscaler/horizontal.go` takes all others, without `behavior` in its spec. KEDA sees the
length of one list, so running tasks do not count, and the ReplicaSet chooses the pods to remove.
"""

from collections import deque
from math import ceil

from taskfleet.scaling.load import Limits
from taskfleet.simulation.fleet import Fleet

POLL_SECONDS = 30.0  # KEDA pollingInterval
COOLDOWN_SECONDS = 300.0  # KEDA cooldownPeriod, for the step to zero only
SYNC_SECONDS = 15.0  # --horizontal-pod-autoscaler-sync-period
STABILIZATION_SECONDS = 300.0  # --horizontal-pod-autoscaler-downscale-stabilization
TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance


class Keda:
    """`listLength` is the pod's capacity: a slot a task, the choice that comes nearest to Taskfleet's rule."""

    name = "KEDA + HPA"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # On average something happens in the middle between two polls.
        self._next_poll, self._next_sync = POLL_SECONDS / 2, SYNC_SECONDS / 2
        self._last_active: float | None = None
        self._recommended: deque[tuple[float, int]] = deque()

    @property
    def next_look(self) -> float:
        return min(self._next_poll, self._next_sync)

    def begin(self, fleet: Fleet) -> None:
        fleet.warm_up(self._limits.least)

    def tick(self, fleet: Fleet) -> None:
        if fleet.now >= self._next_poll:
            self._next_poll += POLL_SECONDS
            self._poll(fleet)
        if fleet.now >= self._next_sync:
            self._next_sync += SYNC_SECONDS
            self._sync(fleet)

    def _poll(self, fleet: Fleet) -> None:
        size = len(fleet.pods)
        if fleet.waiting:
            self._last_active = fleet.now
            if size == 0 and self._limits.most > 0:
                fleet.scale(1)
        elif size > 0 and self._limits.least == 0 and self._cooled_down(fleet.now):
            fleet.scale(0)

    def _cooled_down(self, now: float) -> bool:
        return self._last_active is None or self._last_active + COOLDOWN_SECONDS < now

    def _sync(self, fleet: Fleet) -> None:
        size = len(fleet.pods)
        if size == 0:
            return  # an HPA leaves a target alone that has no pods
        stable = self._stabilized(self._recommendation(len(fleet.waiting), size), fleet.now)
        fastest = max(2 * size, 4)
        fleet.scale(min(max(stable, self._limits.least, 1), self._limits.most, fastest))

    def _recommendation(self, waiting: int, size: int) -> int:
        if abs(1 - waiting / (self._limits.capacity * size)) <= TOLERANCE:
            return size
        return ceil(waiting / self._limits.capacity)

    def _stabilized(self, recommended: int, now: float) -> int:
        """The largest recommendation of the last five minutes, so it grows at once and shrinks late."""
        self._recommended.append((now, recommended))
        while self._recommended[0][0] < now - STABILIZATION_SECONDS:
            self._recommended.popleft()
        return max(size for _, size in self._recommended)
