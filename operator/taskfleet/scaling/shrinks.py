"""The check after a shrink: did a pod go that had begun to consume and was not drained? Pure.

A ReplicaSet takes as many pods as the size was lowered by, and whom it took shows only afterwards. Others take pods
too: a rollout, an eviction, a user. So no more are counted than the size was lowered by, and none of those.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from taskfleet.api import Object
from taskfleet.api.stored import condition_of, is_terminating
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.scaling.load import PodLoad, PodState

_FOLLOWED_SECONDS = 60.0


@dataclass
class Shrinks:
    """Of one pool: pods that a ReplicaSet has still to take, and those that it may."""

    owed: int = 0
    _until: float = 0.0
    _cleared: frozenset[str] = frozenset()

    def resized(self, by: int, pods: Iterable[PodLoad], now: float) -> None:
        """The size is being changed while these pods are there."""
        if by >= 0:
            self.owed, self._cleared = 0, frozenset()
            return
        self.owed -= by
        self._until = now + _FOLLOWED_SECONDS
        self._cleared |= {pod.name for pod in pods if pod.removable}

    def gone(
        self,
        before: Iterable[PodLoad],
        pods: Iterable[PodLoad],
        *,
        manifests: Mapping[str, Object],
        reports: Mapping[str, LastReport],
        now: float,
    ) -> list[str]:
        """Names of the pods that were wrongly removed since the last observation `before`."""
        if self.owed == 0 or now > self._until:
            self.owed = 0
            return []
        present = {pod.name: pod for pod in pods}
        self._cleared -= {name for name, pod in present.items() if pod.state is PodState.CONSUMING}
        taken = [pod for pod in before if pod.name not in present and _taken(manifests.get(pod.name))]
        wrong = [pod.name for pod in taken if not self._fine(pod, reports.get(pod.name))]
        most = max(0, self.owed - (len(taken) - len(wrong)))
        self.owed = max(0, self.owed - len(taken))
        return wrong[:most]

    def _fine(self, pod: PodLoad, known: LastReport | None) -> bool:
        if pod.state is PodState.STARTING:
            return known is None or known.report.active + known.report.prefetched == 0
        # Marked and silent: a size that the user fixed, and what cannot be asked to drain finishes on TERM.
        return pod.state is PodState.DRAINED or pod.name in self._cleared or (pod.stale and pod.marked)


def _taken(manifest: Object | None) -> bool:
    """Whether a ReplicaSet can have deleted the pod; None: it is gone altogether."""
    if manifest is None:
        return True
    disrupted = (condition_of(manifest, "DisruptionTarget") or {}).get("status") == "True"
    return is_terminating(manifest) and not disrupted
