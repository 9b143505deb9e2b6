"""Keeps every broker's schedules in its Redis as the objects say, and remembers what beat tells of them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog
from redis.exceptions import RedisError

from taskfleet.api import InvalidObject, Key, Object, PeriodicSchedule
from taskfleet.api.annotations import TRIGGER
from taskfleet.brokers.monitor import BrokerMonitor
from taskfleet.brokers.schedule_entry import canonical, schedule_entry, schedule_problem, seed
from taskfleet.brokers.schedule_state import Heartbeat, RunState, parse_heartbeat, parse_state
from taskfleet.brokers.schedule_store import Put, ScheduleStore, Stored

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 1.0
_SECONDS_FOR_EACH = 0.0002  # the states of 10,000 schedules take 15 ms to read: 0.5 % of a core every 3 s


@dataclass(frozen=True)
class Seen:
    """A broker's schedules at the last look. `states` by uid."""

    heartbeat: Heartbeat | None
    states: Mapping[str, RunState]


@dataclass(frozen=True)
class Read:
    """An object, and what it says as long as `mark` stays; None: it cannot be planned."""

    mark: tuple[object, ...]
    raw: Object
    schedule: PeriodicSchedule | None


@dataclass(frozen=True)
class Writes:
    """Entries to write, to take away, and to forget with their state; `entries` is what Redis then holds."""

    puts: tuple[Put, ...]
    stop: tuple[str, ...]
    forget: tuple[str, ...]
    entries: dict[str, Object]

    @property
    def nothing(self) -> bool:
        return not (self.puts or self.stop or self.forget)


@dataclass
class _Kept:
    broker: Key
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    schedules: dict[str, Read] = field(default_factory=dict)
    entries: dict[str, Object] | None = None  # as they are in Redis; None: to be read
    version: int = -1
    keys: dict[str, Key] = field(default_factory=dict)  # uid -> object
    raw: Mapping[str, bytes] = field(default_factory=dict)
    seen: Seen | None = None
    next_runs: dict[str, float] = field(default_factory=dict)


class ScheduleKeeper:
    """`objects` gives the PeriodicSchedules of a broker as they are now, `on_change` gets the key of one with news.

    A broker without schedules costs nothing.
    """

    def __init__(
        self,
        brokers: BrokerMonitor,
        objects: Callable[[Key], Iterable[Object]],
        on_change: Callable[[Key], None],
        now: Callable[[], datetime],
    ) -> None:
        self._brokers = brokers
        self._objects = objects
        self._on_change = on_change
        self._now = now
        self._kept: dict[Key, _Kept] = {}

    def wake(self, broker: Key) -> None:
        """An object of this broker has changed, come or gone."""
        kept = self._kept.setdefault(broker, _Kept(broker))
        kept.changed.set()
        if kept.task is None or kept.task.done():
            kept.task = asyncio.create_task(self._keep(broker, kept))

    def seen(self, broker: Key) -> Seen | None:
        """None before the first look, and while the broker does not answer."""
        kept = self._kept.get(broker)
        return kept.seen if kept is not None else None

    def next_runs(self, broker: Key) -> Mapping[str, float]:
        """The Unix time of the next run by queue."""
        kept = self._kept.get(broker)
        return kept.next_runs if kept is not None else {}

    def forget(self, broker: Key) -> None:
        kept = self._kept.pop(broker, None)
        if kept is not None and kept.task is not None:
            kept.task.cancel()

    async def close(self) -> None:
        tasks = [kept.task for kept in self._kept.values() if kept.task is not None]
        for broker in list(self._kept):
            self.forget(broker)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, broker: Key, kept: _Kept) -> None:
        """Look, write what differs, and look again, until there is nothing left to keep."""
        while True:
            try:
                if await self._look(broker, kept) and not kept.keys and not kept.changed.is_set():
                    return
            except RedisError as error:
                log.debug("schedules not kept", **broker._asdict(), error=type(error).__name__)
                kept.entries = None
                self._take(kept, None)
            except Exception:
                log.exception("schedules not kept", **broker._asdict())
                kept.entries = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS + len(kept.keys) * _SECONDS_FOR_EACH):
                    await kept.changed.wait()

    async def _look(self, broker: Key, kept: _Kept) -> bool:
        """Whether Redis holds what it should."""
        client, layout = self._brokers.client(broker), self._brokers.layout(broker)
        if client is None or layout is None:
            kept.changed.clear()
            return False
        store = ScheduleStore(client, layout)
        stored = await store.look()
        if kept.entries is None or stored.version != kept.version:
            kept.entries, kept.version = await store.entries(), stored.version
            kept.changed.set()
        if kept.changed.is_set():
            kept.changed.clear()
            await self._bring_up(store, kept, kept.entries, stored)
        self._take(kept, stored)
        return kept.entries is not None

    async def _bring_up(
        self, store: ScheduleStore, kept: _Kept, entries: dict[str, Object], stored: Stored
    ) -> None:
        objects = list(self._objects(kept.broker))
        kept.keys = {obj["metadata"]["uid"]: _key(obj) for obj in objects}
        await self._read(kept, objects)
        writes = plan_writes(kept.schedules, entries, stored.states, now=self._now())
        if writes.nothing:
            return
        kept.entries = None  # until all of it is written
        version, times = await store.write(writes.puts, stop=writes.stop, forget=writes.forget)
        log.info("schedules written", **kept.broker._asdict(), entries=len(writes.puts), version=version)
        if version == stored.version + times:  # else somebody wrote meanwhile: read again
            kept.entries, kept.version = writes.entries, version

    async def _read(self, kept: _Kept, objects: list[Object]) -> None:
        """Parse what has changed. Thousands at once, as after a start, let others run in between."""
        before, kept.schedules = kept.schedules, {}
        for at, obj in enumerate(objects):
            metadata = obj["metadata"]
            mark = metadata.get("generation"), (metadata.get("annotations") or {}).get(TRIGGER)
            known = before.get(metadata["uid"])
            if known is None or known.mark != mark:
                known = Read(mark, obj, _plannable(obj, self._now()))
            kept.schedules[metadata["uid"]] = replace(known, raw=obj)
            if at % 50 == 49:
                await asyncio.sleep(0)

    def _take(self, kept: _Kept, stored: Stored | None) -> None:
        """Remember what beat says, and tell whom it concerns."""
        before = kept.seen
        if stored is None:
            kept.seen, kept.raw = None, {}
            return
        news = {uid for uid, value in stored.states.items() if kept.raw.get(uid) != value}
        known: Mapping[str, RunState] = before.states if before is not None else {}
        states = {uid: known[uid] for uid in stored.states if uid in known and uid not in news}
        states |= {uid: state for uid in news if (state := parse_state(stored.states[uid])) is not None}
        kept.raw, kept.seen = stored.states, Seen(parse_heartbeat(stored.heartbeat), states)
        kept.next_runs = _next_runs(kept.entries or {}, states)
        if before is None or before.heartbeat != kept.seen.heartbeat:
            news = set(kept.keys)
        for uid in news & kept.keys.keys():
            self._on_change(kept.keys[uid])


def plan_writes(
    schedules: Mapping[str, Read],
    entries: Mapping[str, Object],
    states: Mapping[str, bytes],
    *,
    now: datetime,
) -> Writes:
    """What brings the entries that Redis holds to the objects. Pure."""
    wanted: dict[str, Object] = {}
    puts = []
    for uid, read in schedules.items():
        if read.schedule is None:
            continue
        before = entries.get(uid)
        wanted[uid] = entry = schedule_entry(read.schedule, before, known=uid in states, now=now)
        if before is None:
            puts.append(Put(uid, canonical(entry), seed(PeriodicSchedule.parse(read.raw))))
        elif before != entry:
            puts.append(Put(uid, canonical(entry)))
    stop = [uid for uid in entries if uid in schedules and uid not in wanted]
    forget = sorted((entries.keys() | states.keys()) - schedules.keys())
    return Writes(tuple(puts), tuple(stop), tuple(forget), wanted)


def _plannable(obj: Object, now: datetime) -> PeriodicSchedule | None:
    """None for what beat could not plan; its own status tells why."""
    try:
        schedule = PeriodicSchedule.parse(obj)
    except InvalidObject:
        return None
    return schedule if schedule_problem(schedule.spec, now=now) is None else None


def _next_runs(entries: Mapping[str, Any], states: Mapping[str, RunState]) -> dict[str, float]:
    earliest: dict[str, float] = {}
    for uid, state in states.items():
        if state.next is not None and uid in entries:
            queue, moment = entries[uid].get("queue") or "celery", state.next.timestamp()
            earliest[queue] = min(moment, earliest.get(queue, moment))
    return earliest


def _key(obj: Object) -> Key:
    return Key("PeriodicSchedule", obj["metadata"]["namespace"], obj["metadata"]["name"])
