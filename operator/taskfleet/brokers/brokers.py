"""What the rest of the operator asks of its brokers, each part only what it needs. `BrokerMonitor` is all of them."""

from typing import Protocol

from redis.asyncio import Redis

from taskfleet.api import Key
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.probe import Probe
from taskfleet.brokers.queues.consumers import PoolConsumer
from taskfleet.brokers.queues.queue_stats_tracker import QueueStatsTracker
from taskfleet.brokers.queues.subscriptions import Subscriptions
from taskfleet.brokers.recovery.findings import Findings
from taskfleet.brokers.transport import Drains, FailedTasks, Recovery


class Readings(Protocol):
    """For scaling."""

    def snapshot(self, broker: Key) -> BrokerSnapshot | None:
        """The last reading; None while the broker does not answer, or has not been read yet."""

    def read_by(self, broker: Key, at: float) -> None:
        """Read a broker at this time of the monotonic clock at the latest, although it announces no change."""

    def drains(self, broker: Key, pool_uid: str) -> Drains | None:
        """The drain leases of a pool's pods; None where its broker is not watched."""


class ReadOutcomes(Readings, Protocol):
    """For the history of pools."""

    @property
    def outcomes(self) -> OutcomeBoard: ...


class ScheduleStores(Protocol):
    """For schedules, which live in Redis."""

    def client(self, broker: Key) -> Redis | None:
        """A client of a broker that keeps Taskfleet's own state; None where it is not watched, or keeps none."""

    def layout(self, broker: Key) -> Layout | None:
        """The names of keys on a broker; None where it is not watched."""


class Brokers(Readings, Protocol):
    """For controllers."""

    # Messages that were requeued and that no status has reported: by uid of the pool, and the expired ones by broker.
    requeued: dict[str, int]
    expired: dict[Key, int]

    @property
    def audience(self) -> Subscriptions: ...

    @property
    def board(self) -> QueueStatsTracker: ...

    def watch(self, key: Key, target: Target, layout: Layout) -> Probe | None:
        """The last answer at `target`; None before the first. Raises ssl.SSLError for certificates of no use."""

    def forget(self, key: Key) -> None:
        """Watch it no more."""

    def asked(self, broker: Key) -> bool:
        """Whether the broker has been read, or has failed to answer, since this process watches it."""

    def layout(self, broker: Key) -> Layout | None:
        """The names of keys on a broker; None where it is not watched."""

    def capabilities(self, broker: Key) -> Capabilities | None:
        """What this kind of broker can do; None where it is not watched."""

    def without_state(self, broker: Key) -> Capabilities | None:
        """The capabilities of a broker that is known to keep no state of Taskfleet's; None for every other one."""

    def reading_problem(self, broker: Key) -> str | None:
        """What of the work on this broker fails, and why; None while all of it goes on."""

    def polls_because(self, broker: Key) -> str | None:
        """Why this broker is polled although brokers of its kind announce changes; None while it announces them."""

    def findings(self, broker: Key) -> Findings | None:
        """What the last maintenance scan found; None before the first."""

    def recovery(self, broker: Key) -> Recovery | None:
        """Dead letters, and what dead workers held; None where the broker is not watched."""

    def failed_tasks(self, broker: Key, pool_uid: str) -> FailedTasks | None:
        """Of one pool; None where its broker is not watched, or keeps none."""

    async def purge(self, broker: Key, queue: str, *, token: str, owner_uid: str) -> int | None:
        """Remove what waits; None where the broker is not watched. Raises BrokerError."""

    def subscribe(self, pool: Key, broker: Key, reader: PoolConsumer) -> None:
        """Read the queues of a pool from now on, on this broker and no other."""

    def unsubscribe(self, pool: Key) -> None:
        """Read them no more."""

    def told(self, pool_uid: str, messages: int) -> None:
        """A status has reported so many requeued messages."""

    def expired_reported(self, broker: Key, messages: int) -> None:
        """A status has reported so many requeued expired messages."""
