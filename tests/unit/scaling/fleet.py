"""A simulated pool for tests of the sizing: what the operator's moves do to pods, one tick after another."""

from dataclasses import dataclass, field, replace

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits, PodLoad, PodState, PoolLoad
from taskfleet.scaling.scale_plan import ScalePlan, moves
from taskfleet.scaling.sizing import Memory, Sizing, decide, remember

LIMITS = Limits(capacity=1, least=0, most=10, down=Rules(30.0))


@dataclass
class Fleet:
    """Pods that obey at once: a new one consumes at the next tick, a drained one is removable at the next.

    `keep_starting` holds pods in their start; no more pods than `quota` exist.
    """

    limits: Limits = LIMITS
    waiting: int = 0
    now: float = 0.0
    pods: dict[str, PodLoad] = field(default_factory=dict)
    replicas: int = 0
    keep_starting: bool = False
    quota: int = 1_000_000
    rolling: bool = False
    broker_reachable: bool = True
    cannot_start: str | None = None
    held_back: int = 0
    received_at: float | None = None
    memory: Memory = field(default_factory=lambda: remember(0, 0.0))
    removed_busy: int = 0
    created: int = 0
    verdict: Sizing | None = None

    def load(self) -> PoolLoad:
        return PoolLoad(
            limits=self.limits,
            replicas=self.replicas,
            pods=tuple(self.pods.values()),
            waiting=self.waiting,
            held_back=self.held_back,
            received_at=self.received_at,
            broker_reachable=self.broker_reachable,
            rolling=self.rolling,
            cannot_start=self.cannot_start,
        )

    def tick(self, seconds: float = 0.5) -> ScalePlan:
        """Let time pass, decide, and carry the moves out."""
        self.now += seconds
        load = self.load()
        self.verdict, self.memory = decide(load, self.memory, self.now)
        step = moves(load, self.verdict.pods, empty_readings=self.memory.empty_readings)
        if self.broker_reachable:
            self._carry_out(step)
        return step

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.5)):
            self.tick()

    def give(self, tasks: dict[str, int]) -> None:
        """Hand tasks to pods by name; the others have none."""
        for name, pod in self.pods.items():
            self.pods[name] = replace(pod, active=tasks.get(name, 0))

    def consuming(self) -> list[str]:
        return [name for name, pod in self.pods.items() if pod.state is PodState.CONSUMING]

    def _carry_out(self, step: ScalePlan) -> None:
        for name in step.unmark:
            self.pods[name] = replace(self.pods[name], marked=False, removable=False)
        for name in step.resume:
            state = self.pods[name].state
            woken = state if state is PodState.STARTING else PodState.CONSUMING
            self.pods[name] = replace(self.pods[name], state=woken, asked=False)
        for name in step.mark:
            self.pods[name] = replace(self.pods[name], marked=True, removable=True)
        for name in step.drain:
            pod = self.pods[name]
            idle = pod.active + pod.prefetched == 0
            leaving = PodState.DRAINED if idle else PodState.DRAINING
            state = pod.state if pod.state is PodState.STARTING else leaving
            self.pods[name] = replace(pod, state=state, asked=True)
        self.replicas = step.replicas
        self._follow_replicas()

    def _follow_replicas(self) -> None:
        """As the ReplicaSet does: never-ready pods go first, then unready ones that are marked, then any."""
        order = sorted(self.pods.values(), key=lambda p: (p.state is not PodState.STARTING, not p.removable))
        for pod in order[: max(0, len(self.pods) - self.replicas)]:
            self.removed_busy += pod.state is not PodState.STARTING and not pod.removable
            del self.pods[pod.name]
        if not self.keep_starting:
            for name, pod in self.pods.items():
                if pod.state is PodState.STARTING:
                    self.pods[name] = replace(pod, state=PodState.CONSUMING)
        while len(self.pods) < min(self.replicas, self.quota):
            self.created += 1
            name = f"pod-{self.created:03}"
            self.pods[name] = PodLoad(name, PodState.STARTING)
