"""The first pod of a pool at zero, started before a planned run so that it is ready when the run is due. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad

LONGEST_LEAD_SECONDS = 60.0
# A run that is late is still waited for; one that beat does not send at all keeps no pod.
_LATE_SECONDS = 60.0
_MARGIN = 1.2  # starts differ
_LOOKS_SECONDS = 2.0  # until the need is seen, and a fresh pod is seen to consume
_KEPT = 5


@dataclass
class StartTimes:
    """How long this pool's pods took from their creation until they fetched, the last few of them."""

    _since: dict[str, float] = field(default_factory=dict)
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, pods: Iterable[PodLoad], now: float) -> None:
        """Take in one observation of the pods."""
        states = {pod.name: pod.state for pod in pods}
        for name in [name for name in self._since if name not in states]:
            del self._since[name]
        for name, state in states.items():
            if state is PodState.STARTING:
                self._since.setdefault(name, now)
            elif name in self._since:
                self._seconds.append(now - self._since.pop(name))

    @property
    def lead(self) -> float:
        """Seconds before a run at which a pod must start; the maximum until a start was observed."""
        if not self._seconds:
            return LONGEST_LEAD_SECONDS
        return min(LONGEST_LEAD_SECONDS, max(self._seconds) * _MARGIN + _LOOKS_SECONDS)


def prewarm(load: PoolLoad) -> str | None:
    """Why one pod is wanted although there is nothing to do; None if none is."""
    due = load.next_run_in
    if due is None or not -_LATE_SECONDS <= due <= load.lead:
        return None
    when = f"due in {due:.0f} s" if due > 0 else "due now"
    return f"no tasks, but a scheduled run is {when} and a pod takes up to {load.lead:.0f} s to start: 1 pod"


def next_look_in(load: PoolLoad) -> float | None:
    """Seconds until prewarm may want a pod; None where it is past or nothing is planned."""
    if load.next_run_in is None or load.next_run_in <= load.lead:
        return None
    return load.next_run_in - load.lead
