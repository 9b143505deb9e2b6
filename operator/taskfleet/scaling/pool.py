"""One pool as the scaling loop remembers it, and its next step. Acts on nothing."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.stored import is_ready, size_of
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.scaling.backoff import Backoff
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.due_pods import due_pods
from taskfleet.scaling.due_pools import NEVER, NEXT_READING
from taskfleet.scaling.learning import to_learn
from taskfleet.scaling.load import Limits, PodLoad, PodState, PoolLoad
from taskfleet.scaling.pods import Lease, Look, ignoring_sigterm, is_settled, pod_loads, rolling
from taskfleet.scaling.prewarm import StartTimes, next_look_in
from taskfleet.scaling.recycling import (
    pod_to_recycle,
    recycling,
    recycling_sentence,
    spare_pods,
    with_recycling,
)
from taskfleet.scaling.scale_plan import ScalePlan, moves
from taskfleet.scaling.sharing import Reader
from taskfleet.scaling.shrinks import Shrinks
from taskfleet.scaling.size import Size
from taskfleet.scaling.sizing import Cause, Memory, Sizing, decide, remember
from taskfleet.scaling.task_rates import TaskRates

_HEARD_WITHIN_SECONDS = 5.0  # a worker reports within 0.1 s of TERM that it stops
_DELETED_WITHIN_SECONDS = 2.0  # a ReplicaSet's controller that has begun with a size ends with it
_KEPT_DECISIONS = 20


@dataclass
class ScaledPool:
    """Everything that a step needs in addition to the poll itself."""

    pool: WorkerPool
    broker: Key
    cannot_start: str | None = None
    memory: Memory | None = None  # None: nothing has been seen yet
    rates: TaskRates = field(default_factory=TaskRates)
    starts: StartTimes = field(default_factory=StartTimes)
    next_run_in: float | None = None  # seconds until a PeriodicSchedule of its queues is due
    shrinks: Shrinks = field(default_factory=Shrinks)
    lowered_at: float = float("-inf")  # when a smaller size was last sent, or has perhaps been
    # Since the last decision; there should never be any.
    busy_removed: list[str] = field(default_factory=list)
    grows_since: float | None = None  # the reading that showed a need for more pods; None: there are enough
    leases: dict[str, Lease] = field(default_factory=dict)
    ready_since: dict[str, float] = field(default_factory=dict)  # when each ready pod was first seen so
    obeyed: dict[str, int | None] = field(default_factory=dict)  # drain leases by the pods' own word
    # Deleted pods whose workers work on, and since when.
    ignoring_sigterm: dict[str, float] = field(default_factory=dict)
    action: asyncio.Task[None] | None = None
    decided: DecisionRecord | None = None  # with the newest inputs
    due_at: float = NEXT_READING  # when to decide again even if nothing changes
    news: bool = False  # the last decision is another one than that before
    # Of moves of pods that the API server or the broker refused.
    retry: Backoff = field(default_factory=Backoff)
    refusal: str | None = None  # what was said to the last one
    size: Size = field(default_factory=Size)
    recycled: list[str] = field(default_factory=list)  # a sentence for each pod that nobody was told of yet
    # As they were made: what came after one and changed nothing is not in it.
    history: deque[DecisionRecord] = field(default_factory=lambda: deque(maxlen=_KEPT_DECISIONS))

    @property
    def limits(self) -> Limits:
        return Limits.of(self.pool)

    @property
    def grows(self) -> bool:
        """Whether it may take tasks that its running pods have no slot for."""
        scale = self.pool.spec.autoscale
        follows = scale is not None and scale.mode != "Hold" and not self.pool.spec.suspend
        return follows and self.cannot_start is None

    @property
    def _mode(self) -> str:
        return self.pool.spec.autoscale.mode if self.pool.spec.autoscale is not None else "Auto"

    @property
    def _moves_pods(self) -> bool:
        """Whether what is decided is carried out."""
        return self._mode == "Auto" or self.pool.spec.suspend

    @property
    def prewarms(self) -> bool:
        scale = self.pool.spec.autoscale
        return scale is not None and scale.prewarm

    def pods(
        self,
        deployment: Object,
        pods: list[Object],
        reports: Mapping[str, LastReport],
        *,
        now: float,
        reports_asked_at: float,
    ) -> tuple[PodLoad, ...]:
        in_flight = now - self.lowered_at < _DELETED_WITHIN_SECONDS
        self.ready_since = {
            name: self.ready_since.get(name, now)
            for pod in pods
            if (name := pod["metadata"]["name"]) in self.ready_since or is_ready(pod)
        }
        settled = not in_flight and is_settled(deployment, pods)
        look = Look(now, reports_asked_at, settled=settled, ready_since=self.ready_since)
        loads = self._with_due(pod_loads(pods, reports, self.leases, look), pods, reports)
        self.busy_removed = self._busy_removed(pods, loads, reports, now)
        self.obeyed = {pod: known.report.drain for pod, known in reports.items()}
        self.starts.add(loads, now)
        known = {load.name for load in loads}
        self.leases = {name: lease for name, lease in self.leases.items() if name in known}
        self.ignoring_sigterm = {
            name: self.ignoring_sigterm.get(name, now) for name in ignoring_sigterm(pods, reports, now=now)
        }
        return loads

    def _with_due(
        self, loads: tuple[PodLoad, ...], pods: list[Object], reports: Mapping[str, LastReport]
    ) -> tuple[PodLoad, ...]:
        """Only where pods are recycled at all, so that it costs nothing elsewhere."""
        recycle, mode = self.pool.spec.recycle, self._mode
        if recycle is None or mode != "Auto" or self.pool.spec.suspend:
            return loads
        due = due_pods(recycle, pods, reports, now=datetime.fromtimestamp(time.time(), UTC))
        return tuple(replace(load, due=due.get(load.name)) for load in loads) if due else loads

    def lease_number(self, pod: str) -> int:
        """The number of a pod's drain lease: that which it obeys, or a new one."""
        if pod in self.leases:
            return self.leases[pod].number
        return self.obeyed.get(pod) or time.time_ns() // 1_000_000

    def reader(self, load: PoolLoad) -> Reader:
        room = (load.limits.most - len(load.of(PodState.CONSUMING))) * load.limits.capacity
        return Reader(self.pool.queues, load.free, max(0, room), self.grows)

    def load(
        self, deployment: Object, pods: tuple[PodLoad, ...], snapshot: BrokerSnapshot | None, waiting: int
    ) -> PoolLoad:
        return PoolLoad(
            limits=self.limits,
            replicas=size_of(deployment),
            pods=pods,
            waiting=waiting,
            held_back=sum(pod.held_back for pod in pods),
            service_time=self.rates.service_time(),
            arrival_rate=self.rates.arrival_rate(snapshot.at) if snapshot is not None else 0.0,
            received_at=self.rates.received_at,
            broker_reachable=snapshot is not None,
            rolling=rolling(deployment),
            cannot_start=self.cannot_start,
            next_run_in=self.next_run_in if self.prewarms else None,
            lead=self.starts.lead,
            learning=to_learn(self.pool, deployment),
        )

    def step(self, load: PoolLoad, now: float) -> ScalePlan | None:
        """Decide; the moves to carry out, or None where nothing may be changed."""
        if self.memory is None:
            # More than the maximum was never wanted: a pod was being replaced when the operator ended.
            self.memory = remember(min(load.replicas, load.limits.most), now)
        forced, last = self._forced(), self.decided.verdict if self.decided is not None else None
        if forced is not None:
            verdict = forced
        else:
            seen = replace(load, spare=spare) if (spare := spare_pods(load, last)) else load
            verdict, self.memory = decide(seen, self.memory, now)
        verdict, step = self._moves(load, verdict, last, forced=forced is not None)
        self._note(DecisionRecord(now, verdict, load, step))
        self.due_at = self._next_look(load, verdict, step, now)
        if step.replicas <= load.replicas or verdict.recycled:
            self.grows_since = None
        elif self.grows_since is None:
            self.grows_since = now
        if not load.broker_reachable:
            return _without_broker(load, verdict) if forced is not None else None
        deaf = tuple(
            pod for pod, since in self.ignoring_sigterm.items() if now - since >= _HEARD_WITHIN_SECONDS
        )
        if self._moves_pods:
            return replace(step, stop=deaf)
        return ScalePlan(load.replicas, stop=deaf) if deaf else None

    def _next_look(self, load: PoolLoad, verdict: Sizing, step: ScalePlan, now: float) -> float:
        """When to decide again even if nothing changes: what is waited for, or the first thing that has its own time."""
        if self.size.is_held(load.replicas, now):
            step = replace(step, replicas=load.replicas)
        acts = self._moves_pods and not self.retry.waits(now)
        moving = step != ScalePlan(load.replicas) or verdict.recycled is not None
        # Ready, and its first report is not read yet.
        unheard = any(pod.state is PodState.STARTING and not pod.unready for pod in load.pods)
        if (acts and moving) or unheard or self.ignoring_sigterm:
            return NEXT_READING
        times = [self.retry.until, *self.size.looks(), self.lowered_at + _DELETED_WITHIN_SECONDS]
        if verdict.until is not None:
            times.append(verdict.until)
        if (early := next_look_in(load)) is not None:
            times.append(now + early)
        return min((at for at in times if at > now), default=NEVER)

    def _moves(
        self, load: PoolLoad, verdict: Sizing, last: Sizing | None, *, forced: bool
    ) -> tuple[Sizing, ScalePlan]:
        """What is done with each pod, and the decision with what it says about a pod that is replaced."""
        readings = self.memory.empty_readings if self.memory is not None else 0
        pod = None
        if self.pool.spec.recycle is not None and load.broker_reachable:
            pod = pod_to_recycle(load, verdict.pods, last.recycled if last is not None else None)
        if pod is None:
            return verdict, moves(load, verdict.pods, empty_readings=readings, forced=forced)
        if last is None or last.recycled != pod.name:
            self.recycled.append(recycling_sentence(pod))
        surges = self.pool.spec.strategy.surges
        step = recycling(load, verdict, pod, surges=surges, empty_readings=readings, forced=forced)
        return with_recycling(verdict, pod), step

    def _busy_removed(
        self, pods: list[Object], loads: tuple[PodLoad, ...], reports: Mapping[str, LastReport], now: float
    ) -> list[str]:
        if self.decided is None or self.decided.load.rolling:
            return []
        manifests = {pod["metadata"]["name"]: pod for pod in pods}
        before = self.decided.load.pods
        return self.shrinks.gone(before, loads, manifests=manifests, reports=reports, now=now)

    def _forced(self) -> Sizing | None:
        """The size that the spec alone decides."""
        spec = self.pool.spec
        if spec.suspend:
            return Sizing(0, Cause.SUSPENDED, "spec.suspend is true: no pods.")
        if spec.autoscale is not None:
            return None
        if spec.replicas is None:
            return Sizing(1, Cause.REPLICAS, "Neither spec.replicas nor spec.autoscale is set: 1 pod.")
        return Sizing(spec.replicas, Cause.REPLICAS, f"spec.replicas is {spec.replicas}.")

    def _note(self, decided: DecisionRecord) -> None:
        last, self.decided = self.decided, decided
        another = last is None or _substance(last.verdict) != _substance(decided.verdict)
        self.news = another or last is None or last.step.replicas != decided.step.replicas
        if another:
            self.history.append(decided)


def _substance(verdict: Sizing) -> tuple[object, ...]:
    """What makes a decision another one: numbers inside its sentence do not."""
    limited = verdict.want is not None and verdict.want.unlimited != verdict.want.pods
    return verdict.pods, verdict.cause, limited, verdict.recycled


def _without_broker(load: PoolLoad, verdict: Sizing) -> ScalePlan:
    """Pods that never started can be removed and new ones added; whether others work is unknown."""
    others = load.replicas - load.starting
    return ScalePlan(replicas=max(verdict.pods, others))
