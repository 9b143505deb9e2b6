"""Who consumes which queues of a broker, who only observes them, and what a poll shows of them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from taskfleet.api import Key
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot


@dataclass(frozen=True)
class PoolConsumer:
    """A pool as its broker knows it. `stopped`: why it takes no task however many wait, as words of a sentence;
    `trouble`: why its pods do not come up."""

    uid: str
    queues: tuple[str, ...]
    stopped: str | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class QueueObserver:
    """A TaskQueue as its broker knows it: the queue, and the numbers of messages or seconds above which it alerts."""

    queue: str
    waiting: int | None = None
    age: float | None = None


@dataclass
class Consumers:
    """Of one broker: pools that consume queues, and TaskQueues that each observe one."""

    pools: dict[Key, PoolConsumer] = field(default_factory=dict)
    onlookers: dict[Key, QueueObserver] = field(default_factory=dict)
    changes: int = 0  # how often anybody has come, gone or turned to other queues
    _consumed_by: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _looked_at_by: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def add_pool(self, pool: Key, reader: PoolConsumer) -> None:
        before = self.pools.get(pool)
        if before is not None and (before.uid, before.queues) == (reader.uid, reader.queues):
            self.pools[pool] = reader
            return
        self.remove(pool)
        self.pools[pool] = reader
        for queue in reader.queues:
            self._consumed_by[queue].add(pool)

    def add_onlooker(self, key: Key, onlooker: QueueObserver) -> None:
        self.remove(key)
        self.onlookers[key] = onlooker
        self._looked_at_by[onlooker.queue].add(key)

    def remove(self, key: Key) -> None:
        self.changes += 1
        reader = self.pools.pop(key, None)
        for queue in reader.queues if reader is not None else ():
            _discard(self._consumed_by, queue, key)
        onlooker = self.onlookers.pop(key, None)
        if onlooker is not None:
            _discard(self._looked_at_by, onlooker.queue, key)

    @property
    def queues(self) -> set[str]:
        """Every queue that is consumed or observed."""
        return {*self._consumed_by, *self._looked_at_by}

    @property
    def looked_at(self) -> Set[str]:
        """Every queue that some TaskQueue is about."""
        return self._looked_at_by.keys()

    def consumers(self, queue: str) -> dict[Key, PoolConsumer]:
        return {pool: self.pools[pool] for pool in sorted(self._consumed_by.get(queue, ()))}

    def onlookers_of(self, queues: Iterable[str]) -> list[Key]:
        return sorted({key for queue in queues for key in self._looked_at_by.get(queue, ())})

    def queues_of(self, pool_uids: Set[str]) -> set[str]:
        """The queues that pools with these uids consume."""
        return {queue for reader in self.pools.values() if reader.uid in pool_uids for queue in reader.queues}


def _discard(index: dict[str, set[Key]], queue: str, key: Key) -> None:
    index[queue].discard(key)
    if not index[queue]:
        del index[queue]


Figures = tuple[object, ...]


def figures(snapshot: BrokerSnapshot, readers: Mapping[Key, PoolConsumer]) -> dict[Key, Figures]:
    """What of the snapshot a pool's status shows, to be compared with the last time."""
    return {key: _figures(snapshot, reader) for key, reader in readers.items()}


def _figures(snapshot: BrokerSnapshot, reader: PoolConsumer) -> Figures:
    waiting = sum(snapshot.total(queue) for queue in reader.queues)
    reports = sorted(snapshot.reports_of(reader.uid).items())
    pods = (
        (pod, r.state, r.active, r.prefetched, r.notes, known.held_in_silence(snapshot.at) > 0)
        for pod, known in reports
        for r in (known.report,)
    )
    dead = sum(snapshot.dead_letters.get(queue, 0) for queue in reader.queues)
    return (waiting, dead, *pods)
