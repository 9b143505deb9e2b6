"""Who subscribes to which queues of which broker, and the one query that follows from it."""

from collections.abc import Callable, Iterable

from taskfleet.api import Key
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.broker_snapshot import Query
from taskfleet.brokers.queues.consumers import Consumers, PoolConsumer, QueueObserver


class Subscriptions:
    """`on_change` gets the key of a TaskQueue whose consumers have changed."""

    def __init__(self, on_change: Callable[[Key], None]) -> None:
        self._on_change = on_change
        self._readers: dict[Key, Consumers] = {}
        self._broker_of: dict[Key, Key] = {}
        self._queries: dict[Key, tuple[Query, int]] = {}

    def of(self, broker: Key) -> Consumers:
        return self._readers.setdefault(broker, Consumers())

    def consumers(self, broker: Key, queue: str) -> dict[Key, PoolConsumer]:
        """The pools that name a queue."""
        return self.of(broker).consumers(queue)

    def subscribe(self, pool: Key, broker: Key, reader: PoolConsumer) -> None:
        """A pool consumes its queues on this broker and on no other."""
        before = self._now(pool, broker).pools.get(pool)
        if before == reader:
            return
        readers = self.of(broker)
        readers.add_pool(pool, reader)
        self._broker_of[pool] = broker
        self._tell(readers, {*reader.queues, *(before.queues if before is not None else ())})

    def look_for(self, queue: Key, broker: Key, onlooker: QueueObserver) -> None:
        """A TaskQueue observes a queue of this broker only."""
        if self._now(queue, broker).onlookers.get(queue) != onlooker:
            self.of(broker).add_onlooker(queue, onlooker)
            self._broker_of[queue] = broker

    def forget(self, key: Key) -> None:
        """A pool or TaskQueue has gone."""
        broker = self._broker_of.pop(key, None)
        if broker is None:
            return
        readers = self._readers[broker]
        reader = readers.pools.get(key)
        readers.remove(key)
        self._tell(readers, reader.queues if reader is not None else ())

    def query(self, broker: Key, layout: Layout) -> Query:
        """Another one only when the queues have changed: a thousand pools that start ask for one."""
        readers = self.of(broker)
        query, changes = self._queries.get(broker, (None, -1))
        if query is None or query.layout != layout or changes != readers.changes:
            queues = tuple(sorted(readers.queues))
            if query is None or (query.layout, query.queues) != (layout, queues):
                query = Query(layout, queues)
            self._queries[broker] = query, readers.changes
        return query

    def _now(self, key: Key, broker: Key) -> Consumers:
        """The readers of the broker, after `key` has left any other one."""
        if self._broker_of.get(key, broker) != broker:
            self.forget(key)
        return self.of(broker)

    def _tell(self, readers: Consumers, queues: Iterable[str]) -> None:
        for key in readers.onlookers_of(queues):
            self._on_change(key)
