"""The maintenance scan of a broker: what need not be polled ten times a second, and the requeue of expired messages."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from taskfleet.brokers.connection.replies import UnsafeReplyError
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.queues.consumers import Consumers
from taskfleet.brokers.recovery.duplicate_deliveries import DuplicateDeliveries
from taskfleet.brokers.recovery.findings import Findings, UnconsumedQueue
from taskfleet.brokers.recovery.kombu_bindings import MAILBOXES, Exchanges, bindings_of
from taskfleet.brokers.recovery.requeue_expired import ExpiredRequeuer, Swept
from taskfleet.brokers.recovery.unconsumed_queues import MOST_SHOWN, UnconsumedQueues

log = structlog.get_logger(__name__)

T = TypeVar("T")
_SLOWEST_SECONDS = 10.0
_FASTEST_SECONDS = 1.0
_MOST_TAGS = 10_000
_MOST_NAMES = 3


@dataclass
class MaintenanceScan:
    """Of one broker. `name` distinguishes this restorer from others on the same database."""

    layout: Layout
    name: str
    _exchanges: Exchanges = field(init=False)
    _unread: UnconsumedQueues = field(init=False)
    _restorer: ExpiredRequeuer = field(init=False)
    _taken: DuplicateDeliveries = field(init=False)
    _foreign: deque[int] = field(default_factory=lambda: deque(maxlen=2))
    _requeued: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._exchanges = Exchanges(self.layout.prefix)
        self._unread = UnconsumedQueues(self.layout)
        self._restorer = ExpiredRequeuer(self.layout, self.name)
        self._taken = DuplicateDeliveries(self.layout)

    @property
    def every(self) -> float:
        """Seconds between two scans: short timeouts need short ones."""
        return min(_SLOWEST_SECONDS, max(_FASTEST_SECONDS, self.layout.visibility_timeout / 4))

    async def run(self, client: Redis, seen: BrokerSnapshot, readers: Consumers) -> tuple[Findings, int]:
        """What there is, and how many expired messages went back. What the server does not allow is left out.

        Raises UnsafeReplyError.
        """
        swept = await self._try(lambda: self._restorer.sweep(client, self._records(seen)), Swept())
        self._remember(swept)
        foreign = await self._try(lambda: self._foreign_unacked(client, seen), 0)
        nobody: list[str] = []
        others = await self._try(lambda: self._others(client, seen, readers), nobody)
        await self._try(lambda: self._taken.scan(client, seen, self._requeued), None)
        none: list[UnconsumedQueue] = []
        unread = await self._try(lambda: self._unconsumed_queues(client, seen, readers, others), none)
        taken = self._taken.lately(seen.at)
        found = Findings(
            foreign_unacked=foreign,
            unread=tuple(unread[:MOST_SHOWN]),
            unconsumed_queues=len(unread),
            unconsumed_messages=sum(one.waiting for one in unread),
            kept=swept.kept,
            taken=taken,
            others=tuple(others[:_MOST_NAMES]) if taken else (),
            invalid_reports=seen.invalid_reports,
        )
        return found, swept.requeued

    def _records(self, seen: BrokerSnapshot) -> list[str]:
        """The keys under which live pods note what they hold."""
        live = (
            start for start, known in seen.reports.items() if known.report.held and not known.stale(seen.at)
        )
        return [self.layout.key("held", "/".join(start)) for start in live]

    async def _try(self, part: Callable[[], Awaitable[T]], otherwise: T) -> T:
        try:
            return await part()
        except UnsafeReplyError:
            raise
        except RedisError as error:
            log.debug("part of a maintenance scan failed", error=type(error).__name__)
            return otherwise

    def _remember(self, swept: Swept) -> None:
        """Pods may still run what we requeued ourselves; no other client did that."""
        if len(self._requeued) > _MOST_TAGS:
            self._requeued.clear()
        self._requeued |= swept.tags

    async def _foreign_unacked(self, client: Redis, seen: BrokerSnapshot) -> int:
        """The lower of two scans: a report arrives a moment after the message that it counts."""
        unacked = await client.hlen(f"{self.layout.prefix}unacked")
        self._foreign.append(max(0, unacked - sum(known.report.held for known in seen.reports.values())))
        return min(self._foreign)

    async def _others(self, client: Redis, seen: BrokerSnapshot, readers: Consumers) -> list[str]:
        """Celery workers with a mailbox here that are not our pods; one that was killed keeps its mailbox."""
        layout = self.layout
        bound = await bindings_of(client, layout.prefix, layout.separator, [MAILBOXES])
        names = {one.queue.removesuffix(f".{MAILBOXES}") for one in bound[MAILBOXES]}
        pods = {start.pod for start in seen.reports}
        pools = {pool.name for pool in readers.pools}
        return sorted(name for name in names if not _ours(name, pods, pools) and name.isprintable())

    async def _unconsumed_queues(
        self, client: Redis, seen: BrokerSnapshot, readers: Consumers, others: list[str]
    ) -> list[UnconsumedQueue]:
        layout = self.layout
        await self._exchanges.refresh(client)
        bound = await bindings_of(client, layout.prefix, layout.separator, self._exchanges.names)
        known = {one.queue for each in bound.values() for one in each} | set(readers.looked_at)
        nobodys = {queue for queue in known if not readers.consumers(queue) and _is_name(queue)}
        return await self._unread.scan(client, nobodys, others=bool(others), now=seen.at)


def _ours(worker: str, pods: set[str], pools: set[str]) -> bool:
    """Whether a worker's name, `<pool>@<pod>`, is one of a pod that runs or ran."""
    pool, _, pod = worker.partition("@")
    return pod in pods or (pool in pools and pod.startswith(f"{pool}-worker-"))


def _is_name(queue: str) -> bool:
    """Whether a status can show a text from a Redis as a queue's name."""
    return len(queue) <= 200 and queue.isprintable() and not queue.endswith(f".{MAILBOXES}")
