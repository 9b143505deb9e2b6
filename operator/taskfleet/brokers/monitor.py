"""Every broker that there is: looked at now and then, read all the time, and remembered for whoever asks."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from redis.asyncio import Redis

from taskfleet.api import Key
from taskfleet.brokers.dead_starts import suspects
from taskfleet.brokers.observation import Layout, Observation, Query
from taskfleet.brokers.observer import Observer
from taskfleet.brokers.pace import Pace
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.readers import Figures, PoolReader, figures
from taskfleet.brokers.redis import access, probe
from taskfleet.brokers.target import Target

_EVERY_SECONDS = 10.0
_EVERY_SECONDS_WHILE_DOWN = 1.0
_FIGURES_EVERY_SECONDS = 2.0
# A server that just began to listen, or a new Service, is out of reach for a moment: that is no trouble yet.
_UNREACHABLE_AFTER_LOOKS = 3


@dataclass
class _Watched:
    target: Target
    layout: Layout
    observer: Observer
    client: Redis
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    last: Probe | None = None
    asked: bool = False  # whether there was an answer, or a failure to get one
    observation: Observation | None = None  # None: the broker did not answer the last time
    look_now: asyncio.Event = field(default_factory=asyncio.Event)
    figures: dict[Key, Figures] = field(default_factory=dict)
    figures_at: float = 0.0


class BrokerMonitor:
    """A slow or dead broker delays no other.

    `on_change` gets the key of a broker or pool of which there is news, `on_reading` every reading of a broker,
    None when it does not answer.
    """

    def __init__(
        self,
        on_change: Callable[[Key], None],
        on_reading: Callable[[Key, Observation | None], None] = lambda _broker, _seen: None,
    ) -> None:
        self._on_change = on_change
        self._on_reading = on_reading
        self._watched: dict[Key, _Watched] = {}
        self._pace = Pace()
        self._readers: dict[Key, dict[Key, PoolReader]] = {}
        self._broker_of: dict[Key, Key] = {}
        self._queries: dict[Key, Query] = {}
        self.given_back: dict[str, int] = {}  # pool uid -> messages, until its status has told of them

    def look(self, key: Key, target: Target, layout: Layout) -> Probe | None:
        """The last answer at `target`; None before the first. Raises ssl.SSLError for certificates of no use."""
        watched = self._watched.get(key)
        if watched is not None and (watched.target, watched.layout) == (target, layout):
            return watched.last
        way = access(target)
        client = way.client()
        self.forget(key)
        observer = Observer(
            way.locate,
            lambda: self._query(key, layout),
            lambda seen: self._take(key, seen),
            pace=self._pace,
            name=way.name,
        )
        self._watched[key] = watched = _Watched(target, layout, observer, client)
        watched.tasks = [
            asyncio.create_task(self._probe(key, client)),
            asyncio.create_task(observer.run()),
        ]
        return None

    def client(self, broker: Key) -> Redis | None:
        """A client of a broker; None where it is not watched."""
        watched = self._watched.get(broker)
        return watched.client if watched is not None else None

    def layout(self, broker: Key) -> Layout | None:
        """The names of keys on a broker; None where it is not watched."""
        watched = self._watched.get(broker)
        return watched.layout if watched is not None else None

    def observation(self, broker: Key) -> Observation | None:
        """The last reading; None while the broker does not answer, or has not been read yet."""
        watched = self._watched.get(broker)
        return watched.observation if watched is not None else None

    def asked(self, broker: Key) -> bool:
        """Whether the broker has been read, or has failed to answer, since this process watches it."""
        watched = self._watched.get(broker)
        return watched is not None and watched.asked

    def read_for(self, pool: Key, broker: Key, reader: PoolReader) -> None:
        """Read the queues of a pool from now on, on this broker and no other."""
        if self._broker_of.get(pool) == broker and self._readers[broker][pool] == reader:
            return
        self.read_no_more_for(pool)
        self._broker_of[pool] = broker
        self._readers.setdefault(broker, {})[pool] = reader
        self._queries.pop(broker, None)

    def read_no_more_for(self, pool: Key) -> None:
        broker = self._broker_of.pop(pool, None)
        if broker is not None:
            del self._readers[broker][pool]
            self._queries.pop(broker, None)

    def told(self, pool_uid: str, messages: int) -> None:
        """A status has told of so many messages given back."""
        left = self.given_back.get(pool_uid, 0) - messages
        if left > 0:
            self.given_back[pool_uid] = left
        else:
            self.given_back.pop(pool_uid, None)

    def forget(self, key: Key) -> None:
        watched = self._watched.pop(key, None)
        for task in watched.tasks if watched is not None else []:
            task.cancel()

    async def close(self) -> None:
        tasks = [task for watched in self._watched.values() for task in watched.tasks]
        for key in list(self._watched):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _query(self, broker: Key, layout: Layout) -> Query:
        """Made anew only when the readers have changed: a thousand pools that start ask for one."""
        query = self._queries.get(broker)
        if query is None or query.layout != layout:
            queues = {queue for reader in self._readers.get(broker, {}).values() for queue in reader.queues}
            query = self._queries[broker] = Query(layout, tuple(sorted(queues)))
        return query

    def _take(self, key: Key, seen: Observation | None) -> None:
        watched = self._watched[key]
        if (watched.observation is None) != (seen is None):
            watched.look_now.set()
        watched.asked, watched.observation = True, seen
        self._on_reading(key, seen)
        if seen is None or seen.at - watched.figures_at < _FIGURES_EVERY_SECONDS:
            return
        watched.figures_at = seen.at
        before, watched.figures = watched.figures, figures(seen, self._readers.get(key, {}))
        for pool, now in watched.figures.items():
            if before.get(pool) != now:
                self._on_change(pool)
        if suspects(seen):
            self._on_change(key)

    async def _probe(self, key: Key, client: Redis) -> None:
        failures = 0
        try:
            while True:
                found = await probe(client)
                failures = failures + 1 if found.verdict is Verdict.UNREACHABLE else 0
                watched = self._watched[key]
                if watched.last != found and not 0 < failures < _UNREACHABLE_AFTER_LOOKS:
                    watched.last = found
                    self._on_change(key)
                up = found.verdict is Verdict.ANSWERS
                watched.look_now.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY_SECONDS if up else _EVERY_SECONDS_WHILE_DOWN):
                        await watched.look_now.wait()
        finally:
            await client.aclose()
