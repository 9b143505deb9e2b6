"""Every broker: probed now and then, polled all the time, and remembered for callers."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from taskfleet import metrics
from taskfleet.api import Key
from taskfleet.brokers.amqp_transport import AmqpTransport
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.connection.addresses import ANYWHERE, AddressPolicy
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.outcomes.pace import OutcomePace
from taskfleet.brokers.outcomes.reader import OutcomeReader
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, Query
from taskfleet.brokers.polling.interval import PollInterval
from taskfleet.brokers.polling.reply_budget import ReplyBudget
from taskfleet.brokers.polling.share import Share
from taskfleet.brokers.polling.supervision import Supervisor
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.queues.consumers import Figures, PoolConsumer, figures
from taskfleet.brokers.queues.queue_stats_tracker import QueueStatsTracker
from taskfleet.brokers.queues.subscriptions import Subscriptions
from taskfleet.brokers.recovery.dead_workers import suspects
from taskfleet.brokers.recovery.findings import Findings
from taskfleet.brokers.recovery.maintenance_scan import MaintenanceScan
from taskfleet.brokers.redis_transport import RedisTransport
from taskfleet.brokers.transport import Drains, FailedTasks, Recovery, Transport

_EVERY_SECONDS = 10.0
_EVERY_SECONDS_WHILE_DOWN = 1.0
_FIGURES_EVERY_SECONDS = 2.0
# A server that just began to listen, or a new Service, is out of reach for a moment: that is not a problem yet.
_UNREACHABLE_AFTER_LOOKS = 3
_READING, _PROBE, _SURVEY = "polling", "the probe", "the maintenance scan"
_OUTCOMES = "reading the outcomes of tasks"


@dataclass
class _Watched:
    key: Key
    target: Target
    layout: Layout
    transport: Transport = field(init=False)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    last: Probe | None = None
    asked: bool = False  # whether there was an answer, or a failure to get one
    snapshot: BrokerSnapshot | None = None  # None: the broker did not answer the last time
    look_now: asyncio.Event = field(default_factory=asyncio.Event)
    figures: dict[Key, Figures] = field(default_factory=dict)
    figures_at: float = 0.0
    lengths: Sequence[object] = ()  # of the queues, when figures were last compared
    changed: set[str] = field(default_factory=set)  # uids of pools with news since then
    findings: Findings | None = None  # None: no maintenance scan has finished yet
    outcomes: OutcomeReader | None = None  # None: this kind of broker keeps none
    failures: dict[str, str] = field(default_factory=dict)  # what has failed the last time, and the cause
    polls_because: str | None = None  # what was told last


class BrokerMonitor:
    """A slow or dead broker delays no other.

    `on_change` gets the key of a broker or pool with news, `on_reading` every poll of a broker,
    None when it does not answer.
    """

    def __init__(
        self,
        on_change: Callable[[Key], None],
        on_reading: Callable[[Key, BrokerSnapshot | None], None] = lambda _broker, _seen: None,
        policy: AddressPolicy = ANYWHERE,
    ) -> None:
        self._policy = policy
        self._on_change = on_change
        self._on_reading = on_reading
        self._watched: dict[Key, _Watched] = {}
        self._pace = PollInterval()
        self._budget = ReplyBudget()
        self._name = uuid.uuid4().hex  # among all restorers on a database
        self.audience = Subscriptions(on_change)
        self.board = QueueStatsTracker(self.audience, on_change)
        self.outcomes = OutcomeBoard()
        self._outcome_pace = OutcomePace()
        self._ending: set[asyncio.Task[None]] = set()  # of brokers that are forgotten
        self.expired: dict[Key, int] = {}  # broker -> requeued messages, until its status has reported them
        self.requeued: dict[str, int] = {}  # pool uid -> messages, until its status has reported them

    def watch(self, key: Key, target: Target, layout: Layout) -> Probe | None:
        """The last answer at `target`; None before the first. Raises ssl.SSLError for certificates of no use."""
        watched = self._watched.get(key)
        if watched is not None and (watched.target, watched.layout) == (target, layout):
            return watched.last
        watched = _Watched(key, target, layout)
        watched.transport = self._transport(watched)
        self.forget(key)
        self._watched[key] = watched
        supervisor = Supervisor(
            f"{key.namespace}/{key.name}",
            failed=lambda part, cause: self._failed(watched, part, cause),
            spent=metrics.BROKER_CPU_SECONDS.labels(key.namespace, key.name).inc,
        )
        watched.tasks = [
            asyncio.create_task(supervisor.keep(part, work)) for part, work in self._parts(watched).items()
        ]
        return None

    def _parts(self, watched: _Watched) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            _PROBE: lambda: self._probe(watched),
            _READING: watched.transport.run,
        }
        if (client := watched.transport.redis) is not None:
            survey = MaintenanceScan(watched.layout, self._name)
            parts[_SURVEY] = lambda: self._survey(watched, client, survey)
            outcomes = OutcomeReader(watched.key, watched.layout, self.outcomes, self._outcome_pace)
            watched.outcomes = outcomes
            parts[_OUTCOMES] = lambda: self._read_outcomes(watched, client, outcomes)
        return parts

    def _transport(self, watched: _Watched) -> Transport:
        key, target, layout = watched.key, watched.target, watched.layout

        def query() -> Query:
            return self.audience.query(key, layout)

        def take(seen: BrokerSnapshot | None) -> None:
            self._take(watched, seen)

        if target.vhost is not None:
            return AmqpTransport(target, layout, query=query, on_reading=take, policy=self._policy)
        share = Share(key.namespace, key.name, self._pace, self._budget)
        return RedisTransport(target, layout, query=query, on_reading=take, share=share, policy=self._policy)

    def capabilities(self, broker: Key) -> Capabilities | None:
        """What this kind of broker can do; None where it is not watched."""
        watched = self._watched.get(broker)
        return watched.transport.capabilities if watched is not None else None

    def without_state(self, broker: Key) -> Capabilities | None:
        """The capabilities of a broker that is known to keep no state of Taskfleet's; None for every other one."""
        known = self.capabilities(broker)
        return None if known is None or known.taskfleet_state else known

    def reading_problem(self, broker: Key) -> str | None:
        """What of the work on this broker fails, and why; None while all of it goes on."""
        watched = self._watched.get(broker)
        if watched is None or not watched.failures:
            return None
        return "; ".join(f"{part} failed: {cause}" for part, cause in sorted(watched.failures.items()))

    def polls_because(self, broker: Key) -> str | None:
        """Why this broker is polled although brokers of its kind announce changes; None while it announces them."""
        watched = self._watched.get(broker)
        return watched.transport.polls_because if watched is not None else None

    def read_by(self, broker: Key, at: float) -> None:
        """Read a broker at this time of the monotonic clock at the latest, although it announces no change."""
        watched = self._watched.get(broker)
        if watched is not None:
            watched.transport.read_by(at)

    def drains(self, broker: Key, pool_uid: str) -> Drains | None:
        """The drain leases of a pool's pods; None where its broker is not watched."""
        watched = self._watched.get(broker)
        return watched.transport.drains(pool_uid) if watched is not None else None

    async def purge(self, broker: Key, queue: str, *, token: str, owner_uid: str) -> int | None:
        """Remove what waits; None where the broker is not watched. Raises BrokerError."""
        watched = self._watched.get(broker)
        if watched is None:
            return None
        return await watched.transport.purge(queue, token=token, owner_uid=owner_uid)

    def recovery(self, broker: Key) -> Recovery | None:
        """Dead letters, and what dead workers held; None where the broker is not watched."""
        watched = self._watched.get(broker)
        return watched.transport.recovery() if watched is not None else None

    def failed_tasks(self, broker: Key, pool_uid: str) -> FailedTasks | None:
        """Of one pool; None where its broker is not watched, or keeps none."""
        watched = self._watched.get(broker)
        return watched.transport.failed_tasks(pool_uid) if watched is not None else None

    def client(self, broker: Key) -> Redis | None:
        """A client of a broker that keeps Taskfleet's own state; None where it is not watched, or keeps none."""
        watched = self._watched.get(broker)
        return watched.transport.redis if watched is not None else None

    def layout(self, broker: Key) -> Layout | None:
        """The names of keys on a broker; None where it is not watched."""
        watched = self._watched.get(broker)
        return watched.layout if watched is not None else None

    def snapshot(self, broker: Key) -> BrokerSnapshot | None:
        """The last reading; None while the broker does not answer, or has not been read yet."""
        watched = self._watched.get(broker)
        return watched.snapshot if watched is not None else None

    def asked(self, broker: Key) -> bool:
        """Whether the broker has been read, or has failed to answer, since this process watches it."""
        watched = self._watched.get(broker)
        return watched is not None and watched.asked

    def subscribe(self, pool: Key, broker: Key, reader: PoolConsumer) -> None:
        """Read the queues of a pool from now on, on this broker and no other."""
        self.audience.subscribe(pool, broker, reader)

    def unsubscribe(self, pool: Key) -> None:
        self.audience.forget(pool)

    def findings(self, broker: Key) -> Findings | None:
        """What the last maintenance scan found; None before the first."""
        watched = self._watched.get(broker)
        return watched.findings if watched is not None else None

    def told(self, pool_uid: str, messages: int) -> None:
        """A status has reported so many requeued messages."""
        left = self.requeued.get(pool_uid, 0) - messages
        if left > 0:
            self.requeued[pool_uid] = left
        else:
            self.requeued.pop(pool_uid, None)

    def expired_reported(self, broker: Key, messages: int) -> None:
        """A status has reported so many requeued expired messages."""
        left = self.expired.pop(broker, 0) - messages
        if left > 0:
            self.expired[broker] = left

    def forget(self, key: Key) -> None:
        watched = self._watched.pop(key, None)
        self.board.forget(key)
        self.outcomes.forget_broker(key)
        self._outcome_pace.forget(key)
        if watched is not None:
            for task in watched.tasks:
                task.cancel()
            end = asyncio.create_task(_end(watched))
            self._ending.add(end)
            end.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        for key in list(self._watched):
            self.forget(key)
        await asyncio.gather(*self._ending, return_exceptions=True)
        self._count_unread()  # the next leader exports them
        metrics.EXPIRED_UNROUTABLE.clear()

    def _end_if_forgotten(self, watched: _Watched) -> None:
        """Raise CancelledError in a task of a broker that is not watched any more, or is watched at another address.

        A client whose timeout passes while its task is cancelled loses the cancellation.
        """
        if self._watched.get(watched.key) is not watched:
            raise asyncio.CancelledError

    def _failed(self, watched: _Watched, part: str, cause: str) -> None:
        """What is known of the broker is out of date then: sizes are held."""
        self._end_if_forgotten(watched)
        key = watched.key
        metrics.BROKER_POLL_ERRORS.labels(key.namespace, key.name).inc()
        news = watched.failures.get(part) != cause
        watched.failures[part] = cause
        watched.asked = True
        if part == _READING and watched.snapshot is not None:
            watched.snapshot = None
            self._on_reading(key, None)
            self.board.take(key, None)
        if news:
            self._on_change(key)

    def _works(self, watched: _Watched, part: str) -> None:
        if watched.failures.pop(part, None) is not None:
            self._on_change(watched.key)

    def _take(self, watched: _Watched, seen: BrokerSnapshot | None) -> None:
        self._end_if_forgotten(watched)
        key = watched.key
        if (watched.snapshot is None) != (seen is None):
            watched.look_now.set()
        watched.asked, watched.snapshot = True, seen
        self._on_reading(key, seen)
        self.board.take(key, seen)
        self._works(watched, _READING)
        if seen is None:
            watched.figures, watched.lengths = {}, ()  # no status shows them any more: they are news again
            return
        if watched.polls_because != (because := watched.transport.polls_because):
            watched.polls_because = because
            self._on_change(key)
        watched.changed |= seen.changed
        if watched.outcomes is not None and seen.changed:
            watched.outcomes.heard(seen.changed, now=seen.at)
        if not seen.reports_read or seen.at - watched.figures_at < _FIGURES_EVERY_SECONDS:
            return
        self._tell_figures(watched, seen)
        if suspects(seen):
            self._on_change(key)

    def _tell_figures(self, watched: _Watched, seen: BrokerSnapshot) -> None:
        """Of all pools, or where no queue has changed of those whose pods have: most of thousands are idle."""
        pools = self.audience.of(watched.key).pools
        if watched.lengths == seen.lengths:
            pools = {pool: reader for pool, reader in pools.items() if reader.uid in watched.changed}
        else:
            watched.figures = {pool: known for pool, known in watched.figures.items() if pool in pools}
        watched.figures_at, watched.lengths, watched.changed = seen.at, seen.lengths, set()
        for pool, now in figures(seen, pools).items():
            if watched.figures.get(pool) != now:
                watched.figures[pool] = now
                self._on_change(pool)

    async def _probe(self, watched: _Watched) -> None:
        failures = 0
        while True:
            found = await watched.transport.probe()
            self._end_if_forgotten(watched)
            self._works(watched, _PROBE)
            failures = failures + 1 if found.verdict is Verdict.UNREACHABLE else 0
            if watched.last != found and not 0 < failures < _UNREACHABLE_AFTER_LOOKS:
                watched.last = found
                self._on_change(watched.key)
            up = found.verdict is Verdict.REACHABLE
            watched.look_now.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS if up else _EVERY_SECONDS_WHILE_DOWN):
                    await watched.look_now.wait()

    async def _survey(self, watched: _Watched, client: Redis, survey: MaintenanceScan) -> None:
        key = watched.key
        while True:
            await asyncio.sleep(survey.every)
            if (seen := watched.snapshot) is None:
                continue
            found, requeued = await survey.run(client, seen, self.audience.of(key))
            self._end_if_forgotten(watched)
            self._works(watched, _SURVEY)
            if requeued:
                self.expired[key] = self.expired.get(key, 0) + requeued
                metrics.EXPIRED_REQUEUED.labels(key.namespace, key.name).inc(requeued)
            if found != watched.findings or requeued:
                watched.findings = found
                self._on_change(key)
            metrics.EXPIRED_UNROUTABLE.labels(key.namespace, key.name).set(found.kept)
            metrics.INVALID_REPORTS.labels(key.namespace, key.name).set(seen.invalid_reports)
            self._count_unread()

    async def _read_outcomes(self, watched: _Watched, client: Redis, outcomes: OutcomeReader) -> None:
        while True:
            if watched.snapshot is not None:
                await outcomes.run(client, self.audience.of(watched.key).pools)
                self._end_if_forgotten(watched)
                self._works(watched, _OUTCOMES)
            up = watched.snapshot is not None
            await asyncio.sleep(outcomes.pause if up else _EVERY_SECONDS_WHILE_DOWN)

    def _count_unread(self) -> None:
        found = [each.findings for each in self._watched.values() if each.findings is not None]
        metrics.UNCONSUMED_QUEUES.set(sum(one.unconsumed_queues for one in found))
        metrics.UNCONSUMED_MESSAGES.set(sum(one.unconsumed_messages for one in found))


async def _end(watched: _Watched) -> None:
    """Its connections are closed when no task is left that may open another one."""
    await asyncio.gather(*watched.tasks, return_exceptions=True)
    await watched.transport.aclose()
