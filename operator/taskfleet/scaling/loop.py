"""The scaling loop: whenever a broker has been read, the pools that this concerns are decided on and acted for.

It is the one writer of `spec.replicas` of a Deployment that exists; fixed sizes and suspension go through it too,
so that no pod is stopped before it has drained.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from taskfleet import metrics
from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.stored import is_terminating
from taskfleet.brokers.brokers import Readings
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.faults import FaultLog
from taskfleet.kube.cache import Cache
from taskfleet.resources.labels import COMPONENT
from taskfleet.resources.pod_template import COMPONENT as WORKER
from taskfleet.resources.worker_deployment import worker_deployment_name
from taskfleet.scaling.actions import ScaleExecutor
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.decision_span import decision_span
from taskfleet.scaling.due_pools import NEVER, DuePools
from taskfleet.scaling.execution import Execution
from taskfleet.scaling.load import PodLoad
from taskfleet.scaling.pool import ScaledPool
from taskfleet.scaling.sharing import share
from taskfleet.scaling.size import Size
from taskfleet.tracing.span import Span

log = structlog.get_logger(__name__)

_LOOK_AGAIN_SECONDS = 60.0  # at a pool without news
_LOOK_AGAIN_AFTER_TASKS_SECONDS = 10.0  # while the rate at which tasks came still falls
_LOOK_AGAIN_SOON_SECONDS = 1.0  # while the decision says for how many seconds, or could not be made


def _patience(decided: DecisionRecord | None) -> float:
    """Seconds until the next decision of a pool without news. Spread, or pools would stay in step forever."""
    if decided is None or decided.verdict.until is not None:
        return _LOOK_AGAIN_SOON_SECONDS
    longest = _LOOK_AGAIN_AFTER_TASKS_SECONDS if decided.load.arrival_rate else _LOOK_AGAIN_SECONDS
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads work, guards nothing


class _Looked(NamedTuple):
    pool: ScaledPool
    deployment: Object
    pods: tuple[PodLoad, ...]


class ScalingLoop:
    """`told` gets the key of a pool with a new decision.

    `traced` gets a span of each such decision; None: there are none. `next_runs` gives, for a broker, the seconds until
    the next run of its PeriodicSchedules by queue.
    """

    def __init__(
        self,
        cache: Cache,
        brokers: Readings,
        actions: ScaleExecutor,
        *,
        told: Callable[[Key], None],
        next_runs: Callable[[Key], Mapping[str, float]] = lambda _: {},
        traced: Callable[[Span], None] | None = None,
    ) -> None:
        self._cache = cache
        self._brokers = brokers
        self._execution = Execution(actions, brokers, told)
        self._told = told
        self._next_runs = next_runs
        self._traced = traced
        self._pools: dict[Key, ScaledPool] = {}
        self._on_broker: dict[Key, set[Key]] = defaultdict(set)
        self._attention: dict[Key, DuePools] = defaultdict(DuePools)  # by broker
        self._faults = FaultLog("the scaling decision for a pool failed")
        # Queues at the last reading, by broker.
        self._busy: dict[Key, frozenset[str]] = defaultdict(frozenset)

    def update(self, pool: WorkerPool, broker: Key, *, cannot_start: str | None) -> None:
        """A pool's spec, Deployment or pods have changed: decide now, whatever the broker says meanwhile."""
        scaled = self._pools.get(pool.key)
        if scaled is None or scaled.pool.metadata.uid != pool.metadata.uid or scaled.broker != broker:
            self.forget(pool.key)
            scaled = self._pools[pool.key] = ScaledPool(pool, broker)
            metrics.BUSY_PODS_REMOVED.labels(*pool.key[1:])  # exported from the beginning, as 0
            self._on_broker[broker].add(pool.key)
            self._attention[broker].add(pool.key, pool.metadata.uid)
        scaled.pool, scaled.cannot_start = pool, cannot_start
        snapshot = self._brokers.snapshot(broker)
        # Pools with the same queues must decide too, or waiting messages would be counted twice.
        busy = snapshot.busy.intersection(pool.queues) if snapshot is not None else ()
        self._decide(broker, {pool.key, *self._readers_of(busy, broker)}, snapshot)

    def look_at(self, broker: Key, queues: Collection[str]) -> None:
        """Read the broker and decide on the pools of these queues: a run is planned earlier than before."""
        self._attention[broker].look_soon(self._readers_of(queues, broker))
        self._brokers.read_by(broker, self._attention[broker].due_at)

    def _readers_of(self, queues: Collection[str], broker: Key) -> list[Key]:
        if not queues:
            return []
        pools = self._on_broker[broker]
        return [key for key in pools if not set(queues).isdisjoint(self._pools[key].pool.queues)]

    def pools(self) -> list[ScaledPool]:
        """Every pool that it decides on."""
        return list(self._pools.values())

    def last(self, pool: Key) -> DecisionRecord | None:
        """The last decision about a pool, with what it would be made from now."""
        scaled = self._pools.get(pool)
        return scaled.decided if scaled is not None else None

    def made(self, pool: Key) -> DecisionRecord | None:
        """The last decision about a pool, with what it was made from."""
        return next(reversed(self.history(pool)), None)

    def refusal(self, pool: Key) -> str | None:
        """Why what was decided on could not be carried out; None while it is, or nothing is known yet."""
        scaled = self._pools.get(pool)
        return (scaled.size.refusal or scaled.refusal) if scaled is not None else None

    def size(self, pool: Key) -> Size:
        """What became of the sizes that were written."""
        scaled = self._pools.get(pool)
        return scaled.size if scaled is not None else Size()

    def recycled(self, pool: Key) -> tuple[str, ...]:
        """A sentence for each pod that is recycled and was not reported yet."""
        scaled = self._pools.get(pool)
        return tuple(scaled.recycled) if scaled is not None else ()

    def reported_recycled(self, pool: Key, sentences: Collection[str]) -> None:
        """Forget the first ones, which were reported."""
        if (scaled := self._pools.get(pool)) is not None:
            del scaled.recycled[: len(sentences)]

    def next_look_in(self, pool: Key) -> float | None:
        """Seconds until something is tried again: while a broker is away, no reading comes to do it."""
        if (scaled := self._pools.get(pool)) is None:
            return None
        now = time.monotonic()
        looks = (scaled.retry.until, *scaled.size.looks())
        return min((at - now for at in looks if at > now), default=None)

    def history(self, pool: Key) -> list[DecisionRecord]:
        """The last decisions as they were made, the oldest first."""
        scaled = self._pools.get(pool)
        return list(scaled.history) if scaled is not None else []

    def forget(self, pool: Key) -> None:
        scaled = self._pools.pop(pool, None)
        if scaled is not None:
            self._on_broker[scaled.broker].discard(pool)
            self._attention[scaled.broker].remove(pool, scaled.pool.metadata.uid)
            if scaled.action is not None:
                scaled.action.cancel()

    def forget_all(self) -> None:
        """This process no longer leads: the new leader decides from its own observation."""
        for pool in list(self._pools):
            self.forget(pool)

    async def finish_actions(self) -> None:
        """Return when nothing is being carried out."""
        actions = [scaled.action for scaled in self._pools.values() if scaled.action is not None]
        await asyncio.gather(*actions)

    def on_reading(self, broker: Key, snapshot: BrokerSnapshot | None) -> None:
        keys = set(self._on_broker[broker])
        if snapshot is not None:
            keys = self._attention[broker].wanted(snapshot.changed, time.monotonic())
            # A queue that another client has emptied is news: no report shows it.
            before, self._busy[broker] = self._busy[broker], snapshot.busy
            keys.update(self._readers_of(before | snapshot.busy, broker))
        self._decide(broker, keys, snapshot)

    def _decide(self, broker: Key, keys: Iterable[Key], snapshot: BrokerSnapshot | None) -> None:
        """What is wrong about one pool keeps no other from its decision."""
        now, due = snapshot.at if snapshot is not None else time.monotonic(), self._attention[broker]
        seen: dict[Key, _Looked] = {}
        for key in sorted(keys):
            due.looked_at(key, due_at=NEVER, again_at=now + _LOOK_AGAIN_SOON_SECONDS)
            with self._alone(key):
                if (looked := self._look(self._pools[key], snapshot, now)) is not None:
                    seen[key] = looked
        shares = self._shares(seen, snapshot)
        for key, looked in seen.items():
            with self._alone(key):
                self._decide_on(looked, snapshot, shares.get(key, 0), now)
        self._brokers.read_by(broker, due.due_at)

    @contextmanager
    def _alone(self, pool: Key) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._faults.exception(str(pool), error)

    def _look(self, scaled: ScaledPool, snapshot: BrokerSnapshot | None, now: float) -> _Looked | None:
        """A pool that has a Deployment, with its pods."""
        namespace, name = scaled.pool.namespace, worker_deployment_name(scaled.pool)
        deployment = self._cache.get("Deployment", namespace, name)
        if deployment is None or is_terminating(deployment):
            return None
        return _Looked(scaled, deployment, self._pods(scaled, deployment, snapshot, now))

    def _decide_on(self, looked: _Looked, snapshot: BrokerSnapshot | None, share: int, now: float) -> None:
        scaled, deployment, pods = looked
        runs = self._next_runs(scaled.broker)
        queues = scaled.pool.queues
        scaled.next_run_in = min((runs[queue] for queue in queues if queue in runs), default=None)
        load = scaled.load(deployment, pods, snapshot, share)
        step = scaled.step(load, now)
        self._attention[scaled.broker].looked_at(
            scaled.pool.key, due_at=scaled.due_at, again_at=now + _patience(scaled.decided)
        )
        self._tell(scaled)
        earlier = scaled.action
        if step is not None:
            self._execution.begin(scaled, step, deployment, now)
        decided = scaled.decided
        if self._traced is not None and decided is not None and decided is self.made(scaled.pool.key):
            self._trace(scaled, decided, self._traced, earlier)

    def _trace(
        self,
        scaled: ScaledPool,
        decided: DecisionRecord,
        traced: Callable[[Span], None],
        earlier: asyncio.Task[None] | None,
    ) -> None:
        """Until what was decided is carried out, if anything is: `earlier` is what was so before."""
        key, since = scaled.pool.key, time.time() - (time.monotonic() - decided.at)

        def end(_: object = None) -> None:
            refusal = scaled.size.refusal or scaled.refusal
            traced(decision_span(key, decided, refusal, began=since, ended=time.time()))

        if scaled.action is None or scaled.action is earlier:
            end()
        else:
            scaled.action.add_done_callback(end)

    def _tell(self, scaled: ScaledPool) -> None:
        """The result of a decision, for the status, the metrics and the log."""
        key, decided = scaled.pool.key, scaled.decided
        if scaled.news:
            self._told(key)
        if decided is not None and decided is self.made(key):
            verdict = decided.verdict
            metrics.DECISIONS.labels(*key[1:], verdict.cause.value).inc()
            log.debug(
                "decided", **key._asdict(), pods=verdict.pods, reason=verdict.cause, why=verdict.sentence
            )
        if scaled.busy_removed:
            metrics.BUSY_PODS_REMOVED.labels(*key[1:]).inc(len(scaled.busy_removed))
            log.error(
                "a scale-down removed pods that were not drained", **key._asdict(), pods=scaled.busy_removed
            )

    def _pods(
        self, scaled: ScaledPool, deployment: Object, snapshot: BrokerSnapshot | None, now: float
    ) -> tuple[PodLoad, ...]:
        pods = [
            pod
            for pod in self._cache.children("Pod", scaled.pool.key)
            if pod["metadata"]["labels"].get(COMPONENT) == WORKER
        ]
        if snapshot is None:
            return scaled.pods(deployment, pods, {}, now=now, reports_asked_at=float("-inf"))
        reports = snapshot.reports_of(scaled.pool.metadata.uid)
        by_start = {f"{pod}/{known.start_id}": known.report for pod, known in reports.items()}
        waiting = sum(snapshot.total(queue) for queue in scaled.pool.queues)
        if snapshot.reports_read:  # else what was fetched since is in neither, and would arrive again
            scaled.rates.add(by_start, waiting=waiting, now=snapshot.at)
        return scaled.pods(deployment, pods, reports, now=now, reports_asked_at=snapshot.reports_asked_at)

    def _shares(
        self,
        seen: Mapping[Key, _Looked],
        snapshot: BrokerSnapshot | None,
    ) -> dict[Key, int]:
        if snapshot is None or not snapshot.busy:
            return {}
        readers = {
            key: scaled.reader(scaled.load(deployment, pods, snapshot, 0))
            for key, (scaled, deployment, pods) in seen.items()
        }
        return share({queue: snapshot.total(queue) for queue in snapshot.busy}, readers)
