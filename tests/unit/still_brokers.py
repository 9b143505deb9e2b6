"""Brokers that say what the test says, and connect to none."""

from taskfleet.api import Key
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.connection.target import Target
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.brokers.probe import Probe
from taskfleet.brokers.queues.consumers import PoolConsumer
from taskfleet.brokers.queues.queue_stats_tracker import QueueStatsTracker
from taskfleet.brokers.queues.subscriptions import Subscriptions
from taskfleet.brokers.recovery.findings import Findings
from taskfleet.brokers.transport import Drains, FailedTasks, Recovery


class StillBrokers:
    """The protocol `Brokers`. A test sets what they answer; unset, none is watched."""

    def __init__(self) -> None:
        self.requeued: dict[str, int] = {}
        self.expired: dict[Key, int] = {}
        self.audience = Subscriptions(lambda _: None)
        self.board = QueueStatsTracker(self.audience, lambda _: None)
        self.probes: dict[Key, Probe] = {}
        self.targets: dict[Key, Target] = {}

    def watch(self, key: Key, target: Target, layout: Layout) -> Probe | None:  # noqa: ARG002 - the protocol's
        self.targets[key] = target
        return self.probes.get(key)

    def forget(self, key: Key) -> None:
        self.targets.pop(key, None)

    def asked(self, broker: Key) -> bool:  # noqa: ARG002 - the protocol's
        return True

    def subscribe(self, pool: Key, broker: Key, reader: PoolConsumer) -> None:
        self.audience.subscribe(pool, broker, reader)

    def unsubscribe(self, pool: Key) -> None:
        self.audience.forget(pool)

    def told(self, pool_uid: str, messages: int) -> None:
        self.requeued[pool_uid] = self.requeued.get(pool_uid, 0) - messages

    def expired_reported(self, broker: Key, messages: int) -> None:
        self.expired[broker] = self.expired.get(broker, 0) - messages

    def read_by(self, broker: Key, at: float) -> None:
        """They are not read."""

    def snapshot(self, broker: Key) -> BrokerSnapshot | None: ...

    def layout(self, broker: Key) -> Layout | None: ...

    def capabilities(self, broker: Key) -> Capabilities | None: ...

    def without_state(self, broker: Key) -> Capabilities | None:
        known = self.capabilities(broker)
        return None if known is None or known.taskfleet_state else known

    def reading_problem(self, broker: Key) -> str | None: ...

    def polls_because(self, broker: Key) -> str | None: ...

    def findings(self, broker: Key) -> Findings | None: ...

    def drains(self, broker: Key, pool_uid: str) -> Drains | None: ...

    def recovery(self, broker: Key) -> Recovery | None: ...

    def failed_tasks(self, broker: Key, pool_uid: str) -> FailedTasks | None: ...

    async def purge(self, broker: Key, queue: str, *, token: str, owner_uid: str) -> int | None: ...
