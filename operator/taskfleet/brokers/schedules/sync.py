"""Keeps every broker's schedules in its Redis as the objects say, and remembers what beat reports."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any

import structlog
from redis.exceptions import RedisError

from taskfleet.api import InvalidObject, Key, Object, PeriodicSchedule
from taskfleet.api.annotations import TRIGGER
from taskfleet.brokers.brokers import ScheduleStores
from taskfleet.brokers.schedules.entry import schedule_entry, schedule_problem, seed
from taskfleet.brokers.schedules.state import Heartbeat, RunState, parse_heartbeat, parse_state
from taskfleet.brokers.schedules.store import Put, ScheduleStore, Stored

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 1.0
_SECONDS_FOR_EACH = 0.0002  # the states of 10,000 schedules take 15 ms to read: 0.5 % of a core every 3 s


@dataclass(frozen=True)
class Seen:
    """A broker's schedules at the last poll. `states` by uid."""

    heartbeat: Heartbeat | None
    states: Mapping[str, RunState]


Mark = tuple[object, ...]
"""What of an object makes its entry; two that are equal make the same."""


@dataclass
class _Kept:
    broker: Key
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    marks: dict[str, Mark] = field(default_factory=dict)  # uid -> the state of its object that was written
    entries: dict[str, Object] | None = None  # as they are in Redis; None: to be read
    version: int = -1
    planned: int = -1  # the version that the next runs belong to
    keys: dict[str, Key] = field(default_factory=dict)  # uid -> object
    raw: Mapping[str, bytes] = field(default_factory=dict)
    seen: Seen | None = None
    next_runs: dict[str, float] = field(default_factory=dict)  # queue -> Unix time


class ScheduleKeeper:
    """`objects` gives the PeriodicSchedules of a broker as they are now, `on_change` gets the key of one with news,
    `on_sooner` the queues whose next run is planned earlier than it was.

    A broker without schedules costs nothing.
    """

    def __init__(
        self,
        brokers: ScheduleStores,
        objects: Callable[[Key], Iterable[Object]],
        on_change: Callable[[Key], None],
        now: Callable[[], datetime],
        on_sooner: Callable[[Key, Collection[str]], None] = lambda _broker, _queues: None,
    ) -> None:
        self._brokers = brokers
        self._objects = objects
        self._on_change = on_change
        self._now = now
        self._on_sooner = on_sooner
        self._kept: dict[Key, _Kept] = {}
        self.obstacles: dict[Key, str] = {}  # why a broker's beat cannot be made

    def wake(self, broker: Key) -> None:
        """An object of this broker has changed, come or gone."""
        kept = self._kept.setdefault(broker, _Kept(broker))
        kept.changed.set()
        if kept.task is None or kept.task.done():
            kept.task = asyncio.create_task(self._keep(broker, kept))

    def wake_for(self, broker: Key, obj: Object) -> None:
        """As `wake`, unless this state of the object has been written already."""
        kept = self._kept.get(broker)
        if kept is None or kept.marks.get(obj["metadata"]["uid"]) != _mark(obj):
            self.wake(broker)

    def keeps(self, broker: Key) -> bool:
        """Whether the broker has, or had, schedules since this process leads."""
        return broker in self._kept

    def seen(self, broker: Key) -> Seen | None:
        """None before the first poll, and while the broker does not answer."""
        kept = self._kept.get(broker)
        return kept.seen if kept is not None else None

    def next_runs(self, broker: Key) -> Mapping[str, float]:
        """Seconds until the next run by queue; below 0 for one that is late."""
        kept = self._kept.get(broker)
        if kept is None or not kept.next_runs:
            return {}
        now = self._now().timestamp()
        return {queue: at - now for queue, at in kept.next_runs.items()}

    def forget(self, broker: Key) -> None:
        self.obstacles.pop(broker, None)
        kept = self._kept.pop(broker, None)
        if kept is not None and kept.task is not None:
            kept.task.cancel()

    async def close(self) -> None:
        tasks = [kept.task for kept in self._kept.values() if kept.task is not None]
        for broker in list(self._kept):
            self.forget(broker)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, broker: Key, kept: _Kept) -> None:
        """Poll, write what differs, and poll again, until there is nothing left to keep.

        A client's timeout that passes while the task is cancelled makes it forget that it was: hence the question.
        """
        while self._kept.get(broker) is kept:
            try:
                if await self._look(broker, kept) and not kept.keys and not kept.changed.is_set():
                    return
            except RedisError as error:
                log.debug("schedules not synchronized", **broker._asdict(), error=type(error).__name__)
                kept.entries = None
                self._take(kept, None)
            except Exception:
                log.exception("schedules not synchronized", **broker._asdict())
                kept.entries = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS + len(kept.keys) * _SECONDS_FOR_EACH):
                    await kept.changed.wait()

    async def _look(self, broker: Key, kept: _Kept) -> bool:
        """Whether nothing is left to write."""
        client, layout = self._brokers.client(broker), self._brokers.layout(broker)
        if client is None or layout is None:  # no such Broker, or it has no address yet
            kept.changed.clear()
            kept.keys = {obj["metadata"]["uid"]: _key(obj) for obj in self._objects(broker)}
            return True
        store = ScheduleStore(client, layout)
        stored = await store.read()
        if kept.entries is None or stored.version != kept.version:
            kept.entries, kept.version, kept.marks = await store.entries(), stored.version, {}
            kept.planned = -1
            kept.changed.set()
        if kept.changed.is_set():
            kept.changed.clear()
            try:
                await self._bring_up(store, kept, kept.entries, stored)
            except RedisError as error:  # such as a full memory; what beat does is reported all the same
                log.warning("schedules not written yet", **broker._asdict(), error=type(error).__name__)
        self._take(kept, stored)
        return kept.entries is not None

    async def _bring_up(
        self, store: ScheduleStore, kept: _Kept, entries: dict[str, Object], stored: Stored
    ) -> None:
        """Write the entries of objects that have changed. Thousands at once let others run in between."""
        objects = list(self._objects(kept.broker))
        kept.keys = {obj["metadata"]["uid"]: _key(obj) for obj in objects}
        puts: list[Put] = []
        stop: list[str] = []
        changed = [obj for obj in objects if kept.marks.get(obj["metadata"]["uid"]) != _mark(obj)]
        for at, obj in enumerate(changed):
            uid = obj["metadata"]["uid"]
            put = _put(obj, entries.get(uid), known=uid in stored.states, now=self._now())
            if put is not None and put.entry != entries.get(uid):
                puts.append(put)
            elif put is None and uid in entries:
                stop.append(uid)
            if at % 50 == 49:
                await asyncio.sleep(0)
        forget = (entries.keys() | stored.states.keys()) - kept.keys.keys()
        if puts or stop or forget:
            kept.entries = None  # until all of it is written
            version, times = await store.write(puts, stop=stop, forget=sorted(forget))
            log.info("schedules written", **kept.broker._asdict(), entries=len(puts), version=version)
            if version != stored.version + times:
                return  # another client wrote meanwhile: read again
            entries.update({put.uid: put.entry for put in puts})
            for uid in (*stop, *forget):
                entries.pop(uid, None)
            kept.entries, kept.version = entries, version
        kept.marks = {obj["metadata"]["uid"]: _mark(obj) for obj in objects}

    def _take(self, kept: _Kept, stored: Stored | None) -> None:
        """Store what beat reports, and reconcile the schedules that it concerns."""
        before = kept.seen
        if stored is None:
            kept.seen, kept.raw = None, {}
            return
        heartbeat = parse_heartbeat(stored.heartbeat)
        if before is None or before.heartbeat != heartbeat:
            news = set(kept.keys)
        elif stored.states == kept.raw and kept.planned == kept.version:
            return
        else:
            news = {uid for uid, value in stored.states.items() if kept.raw.get(uid) != value}
        kept.seen = Seen(heartbeat, _states(stored, kept))
        kept.raw, kept.planned = stored.states, kept.version
        self._plan(kept, _next_runs(kept.entries or {}, kept.seen.states))
        for uid in news & kept.keys.keys():
            self._on_change(kept.keys[uid])

    def _plan(self, kept: _Kept, runs: dict[str, float]) -> None:
        before, kept.next_runs = kept.next_runs, runs
        sooner = [queue for queue, at in runs.items() if at < before.get(queue, inf)]
        if sooner:
            self._on_sooner(kept.broker, sooner)


def _states(stored: Stored, kept: _Kept) -> dict[str, RunState]:
    """What beat says of each schedule; parsed only where it says something new."""
    known: Mapping[str, RunState] = kept.seen.states if kept.seen is not None else {}
    states = {}
    for uid, value in stored.states.items():
        state = known.get(uid) if kept.raw.get(uid) == value else parse_state(value)
        if state is not None:
            states[uid] = state
    return states


def _put(obj: Object, before: Object | None, *, known: bool, now: datetime) -> Put | None:
    """The entry of an object; None for one that beat could not plan: its status says why."""
    try:
        schedule = PeriodicSchedule.parse(obj)
    except InvalidObject:
        return None
    if schedule_problem(schedule.spec, now=now) is not None:
        return None
    entry = schedule_entry(schedule, before, known=known, now=now)
    return Put(schedule.metadata.uid, entry, seed(schedule) if before is None else None)


def _mark(obj: Object) -> Mark:
    metadata = obj["metadata"]
    return metadata["generation"], (metadata.get("annotations") or {}).get(TRIGGER)


def _next_runs(entries: Mapping[str, Any], states: Mapping[str, RunState]) -> dict[str, float]:
    earliest: dict[str, float] = {}
    for uid, state in states.items():
        if state.next is not None and uid in entries:
            queue, moment = entries[uid].get("queue") or "celery", state.next.timestamp()
            earliest[queue] = min(moment, earliest.get(queue, moment))
    return earliest


def _key(obj: Object) -> Key:
    return Key("PeriodicSchedule", obj["metadata"]["namespace"], obj["metadata"]["name"])
