"""A cluster small enough to be driven by chance: pools, pods, queues and reports, each moving at its own pace.

What the operator sees is made here as the API server and the broker would tell it; what it decides is carried out
by a ReplicaSet controller that chooses as Kubernetes does. Nothing happens by itself but what is called.
"""

from dataclasses import dataclass, field, replace
from random import Random

from taskfleet.api import Object
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.brokers.polling.worker_report import Report
from taskfleet.brokers.transport import LEASE_SECONDS
from taskfleet.scaling.load import Due, Limits, PodState, PoolLoad
from taskfleet.scaling.pods import DELETION_COST, FIRST_TO_GO, Lease, Look, is_settled, pod_loads
from taskfleet.scaling.recycling import pod_to_recycle, recycling, spare_pods, with_recycling
from taskfleet.scaling.scale_plan import ScalePlan, moves
from taskfleet.scaling.sharing import Reader, share
from taskfleet.scaling.shrinks import Shrinks
from taskfleet.scaling.sizing import Memory, Sizing, decide, remember

_DUE = Due("it is old", "uid")


@dataclass(eq=False)
class Pod:
    """`said` is its last report, which stands still while `silent`; `lease` the drain request that it obeys."""

    name: str
    node: bool = False
    working: bool = False
    ready: bool = False
    active: int = 0
    lease: int | None = None
    lease_seen_at: float = 0.0
    marked: bool = False
    silent: bool = False
    old: bool = False
    seq: int = 0
    said: LastReport | None = None

    @property
    def fetches(self) -> bool:
        return self.working and self.lease is None

    def manifest(self) -> Object:
        return {
            "metadata": {
                "name": self.name,
                "annotations": {DELETION_COST: FIRST_TO_GO} if self.marked else {},
            },
            "status": {
                "phase": "Running" if self.node else "Pending",
                "conditions": [{"type": "Ready", "status": str(self.ready)}],
            },
        }


@dataclass(eq=False)
class Pool:
    """`leases` are the drain keys in Redis: number and last renewal; `asked` is what the operator remembers of them."""

    name: str
    queues: tuple[str, ...]
    limits: Limits
    replicas: int = 0
    surge: int = 0  # a rollout's surplus pods; 0: no rollout
    surges: bool = True  # a replacement starts before an old pod drains
    observed: bool = True  # its controllers know its size
    doomed: list[str] = field(default_factory=list)  # pods that its ReplicaSet has chosen and deletes next
    cannot_start: str | None = None
    pods: dict[str, Pod] = field(default_factory=dict)
    leases: dict[str, tuple[int, float]] = field(default_factory=dict)
    asked: dict[str, Lease] = field(default_factory=dict)
    memory: Memory | None = None
    shrinks: Shrinks = field(default_factory=Shrinks)
    # Pods that the check after a shrink says were taken wrongly.
    counted: list[str] = field(default_factory=list)
    last: tuple[PoolLoad, Sizing, ScalePlan] | None = None


class World:
    def __init__(self, pools: list[Pool], *, seed: int = 0) -> None:
        self.pools = pools
        self.queues = dict.fromkeys((queue for pool in pools for queue in pool.queues), 0)
        self.now = 0.0
        self.broker_reachable = True
        self.nodes = True  # there is room for another pod
        self.shares: dict[str, int] = {}
        self.wrongly_removed: list[str] = []
        self._random = Random(seed)
        self._made = 0

    # What happens by itself in a cluster.

    def live(self, seconds: float, *, ends: float) -> None:
        """Let time pass. Each task ends with the chance `ends`; pods move on and report, or lag a little."""
        self.now += seconds
        for pool in self.pools:
            for pod in pool.pods.values():
                pod.active -= sum(self._random.random() < ends for _ in range(pod.active))
                if self._random.random() < 0.7:
                    self.go_on(pool, pod)
                if self._random.random() < 0.05:
                    pod.ready = False  # a probe that came too late
                self.fetch(pool, pod)
                if self._random.random() < 0.9:
                    self.report(pod)
            self.replica_set(pool)
            if self._random.random() < 0.7:
                self.choose(pool)

    def fetch(self, pool: Pool, pod: Pod) -> None:
        for queue in pool.queues:
            while pod.fetches and self.queues[queue] and pod.active < pool.limits.capacity:
                self.queues[queue] -= 1
                pod.active += 1

    def go_on(self, pool: Pool, pod: Pod) -> None:
        """One step of a pod's life: placed, started, ready; it obeys its lease, or forgets one that ran out."""
        if not pod.node:
            pod.node = self.nodes
        elif not pod.working:
            pod.working = pool.cannot_start is None and not pod.silent
            self._look_at_lease(pool, pod)
            self.report(pod)  # a worker makes itself known before it fetches
        else:
            pod.ready = pod.lease is None or pod.active > 0
        obeyed = pod.lease
        self._look_at_lease(pool, pod)
        if pod.lease != obeyed:
            self.report(pod)

    def _look_at_lease(self, pool: Pool, pod: Pod) -> None:
        number, renewed = pool.leases.get(pod.name, (0, -1e9))
        if pod.silent and self.now - pod.lease_seen_at < LEASE_SECONDS:
            return  # it hangs: what it saw last still holds
        if pod.working and self.now - renewed < LEASE_SECONDS and not pod.silent:
            pod.lease, pod.lease_seen_at = number, self.now
        else:
            pod.lease = None

    def report(self, pod: Pod) -> None:
        if pod.working and not pod.silent:
            pod.seq += 1
            idle = "drained" if pod.active == 0 else "draining"
            state = "ready" if pod.lease is None else idle
            said = Report(state=state, drain=pod.lease, active=pod.active)
            pod.said = LastReport(said, self.now, b"")

    def roll(self, pool: Pool, surge: int) -> None:
        """Begin or end a rollout. Whom it replaces is for the Deployment controller to say, busy or not."""
        pool.surge = surge
        pool.shrinks = Shrinks()
        pool.doomed = []
        for name in list(pool.pods)[: max(0, len(pool.pods) - pool.replicas - surge)]:
            del pool.pods[name]
        self.choose(pool)
        self.replica_set(pool)

    def choose(self, pool: Pool) -> None:
        """Kubernetes 1.34 `pkg/controller/controller_utils.go` ActivePodsWithRanks, then chance."""
        wanted = pool.replicas + pool.surge
        pool.observed = True
        victims = sorted(
            pool.pods.values(), key=lambda pod: (pod.node, pod.ready, not pod.marked, self._random.random())
        )[: max(0, len(pool.pods) - wanted)]
        pool.doomed = [pod.name for pod in victims]
        while len(pool.pods) < wanted:
            self._made += 1
            name = f"{pool.name}-{self._made:03}"
            pool.pods[name] = Pod(name)

    def replica_set(self, pool: Pool) -> None:
        """It deletes whom it has chosen, whatever they do by now."""
        for pod in [pool.pods.pop(name) for name in pool.doomed if name in pool.pods]:
            if pod.fetches or pod.active:
                self.wrongly_removed.append(pod.name)
        pool.doomed = []

    # The operator.

    def tick(self) -> None:
        """Look at everything, decide for every pool, act."""
        loads = {pool.name: self._load(pool) for pool in self.pools}
        readers = {pool.name: _reader(pool, loads[pool.name]) for pool in self.pools}
        self.shares = share(self.queues, readers) if self.broker_reachable else {}
        for pool in self.pools:
            load = self._load(pool, self.shares.get(pool.name, 0))
            self._check_shrink(pool, load)
            if pool.memory is None:
                pool.memory = remember(min(load.replicas, load.limits.most), self.now)
            last = pool.last[1] if pool.last is not None else None
            spare = spare_pods(load, last)
            verdict, pool.memory = decide(replace(load, spare=spare), pool.memory, self.now)
            verdict, step = self._moves(pool, load, verdict, pool.memory.empty_readings)
            pool.last = load, verdict, step
            if self.broker_reachable:
                self._carry_out(pool, step)

    def _moves(self, pool: Pool, load: PoolLoad, verdict: Sizing, readings: int) -> tuple[Sizing, ScalePlan]:
        last = pool.last[1].recycled if pool.last is not None else None
        old = pod_to_recycle(load, verdict.pods, last) if self.broker_reachable else None
        if old is None:
            return verdict, moves(load, verdict.pods, empty_readings=readings)
        step = recycling(load, verdict, old, surges=pool.surges, empty_readings=readings, forced=False)
        return with_recycling(verdict, old), step

    def restart_operator(self) -> None:
        for pool in self.pools:
            pool.memory, pool.asked, pool.shrinks, pool.last = None, {}, Shrinks(), None

    def _load(self, pool: Pool, waiting: int = 0) -> PoolLoad:
        reports = {name: pod.said for name, pod in pool.pods.items() if pod.said is not None}
        manifests = [pod.manifest() for pod in pool.pods.values()]
        pods = pod_loads(manifests, reports, pool.asked, self._look(pool, manifests))
        return PoolLoad(
            limits=pool.limits,
            replicas=pool.replicas,
            pods=tuple(replace(pod, due=_DUE if pool.pods[pod.name].old else None) for pod in pods),
            waiting=waiting,
            broker_reachable=self.broker_reachable,
            rolling=pool.surge > 0,
            cannot_start=pool.cannot_start,
        )

    def _look(self, pool: Pool, manifests: list[Object]) -> Look:
        deployment = {
            "metadata": {"generation": 1},
            "spec": {"replicas": pool.replicas},
            "status": {"observedGeneration": int(pool.observed), "replicas": pool.surge},
        }
        return Look(self.now, self.now, settled=is_settled(deployment, manifests))

    def _check_shrink(self, pool: Pool, load: PoolLoad) -> None:
        before = pool.last[0].pods if pool.last is not None else ()
        pool.counted += pool.shrinks.gone(before, load.pods, manifests={}, reports={}, now=self.now)

    def _carry_out(self, pool: Pool, step: ScalePlan) -> None:
        for name in step.unmark:
            pool.pods[name].marked = False
        for name in step.resume:
            pool.leases.pop(name, None)
            pool.asked.pop(name, None)
        for name in step.drain:
            number = self._lease_number(pool, name)
            pool.leases[name] = number, self.now
            pool.asked[name] = Lease(number, self.now)
        for name in step.mark:
            pool.pods[name].marked = True
        for deleted in [pool.pods.pop(name) for name, _ in step.delete]:
            if deleted.fetches or deleted.active:
                self.wrongly_removed.append(deleted.name)
        if step.replicas != pool.replicas and pool.last is not None:
            pool.shrinks.resized(step.replicas - pool.replicas, pool.last[0].pods, self.now)
        pool.observed = pool.observed and pool.replicas == step.replicas
        pool.replicas = step.replicas

    def _lease_number(self, pool: Pool, name: str) -> int:
        if name in pool.asked:
            return pool.asked[name].number
        said = pool.pods[name].said
        self._made += 1
        return (said.report.drain if said is not None else None) or self._made


def _reader(pool: Pool, load: PoolLoad) -> Reader:
    room = (pool.limits.most - len(load.of(PodState.CONSUMING))) * pool.limits.capacity
    return Reader(pool.queues, load.free, max(0, room), grows=pool.cannot_start is None)
