"""Beat's loop: reads the schedules, prepares the next runs, sends what is due, and says that it is alive."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from typing import Callable, NamedTuple

from taskfleet_worker.beat.agenda import Agenda
from taskfleet_worker.beat.due import Run, Step, decide
from taskfleet_worker.beat.entry import Entry, digest, is_first, read_entry, read_state
from taskfleet_worker.beat.message import UnsendableError
from taskfleet_worker.beat.store import Answer, Change, Message, Store, Verdict

logger = logging.getLogger(__name__)

# The operator counts on 0.5 s.
LOOK_EVERY = 0.4
HEARTBEAT_EVERY = 2.0
# One script: some milliseconds, in which Redis does nothing else.
BATCH = 100
# Messages are built before they are due, a few at a time, so that a burst at a full hour only has to be pushed.
PREPARE_AHEAD = 10.0
PREPARE_AT_ONCE = 10
# Later than this a run is thought over again: it may be too late, or not the latest.
AS_PREPARED = 0.5
RETRY = 5.0


class Work(NamedTuple):
    """A step and the change that carries it out."""

    entry: Entry
    step: Step
    change: Change


class ScheduleLoop:
    """Runs on one thread. The clock gives Unix seconds."""

    def __init__(
        self,
        store: Store,
        *,
        build: Callable[[Entry, Run, float], Message],
        clock: Callable[[], float],
        pod: str,
    ) -> None:
        self._store = store
        self._build = build
        self._clock = clock
        self._pod = pod
        self._started = clock()
        self._version: bytes | None = None
        self._read = False  # the entries are as of _version
        self._trusted = False  # so are the states
        self._looked = self._beaten = float("-inf")
        self._entries: dict[str, Entry] = {}
        self._states: dict[str, bytes] = {}
        self._due = Agenda()
        self._unprepared = Agenda()
        self._prepared: dict[str, Work] = {}
        self._lags: deque[float] = deque(maxlen=1000)
        self.ready = False

    def turn(self) -> float:
        """Do what is due; the seconds until there is more to do. Raises what the store raises."""
        self._look()
        self._settle_due()
        self._say()
        return self._rest()

    def forget(self) -> None:
        """Believe nothing but what the store says next, because it is not known what was done."""
        self._read = self._trusted = False

    def _look(self) -> None:
        now = self._clock()
        if self._read and 0 <= now - self._looked < LOOK_EVERY:
            return
        if not self._read or self._store.version() != self._version:
            self._load(now)
        self._looked = now

    def _load(self, now: float) -> None:
        version, found = self._store.entries()
        known = {uid: entry.digest for uid, entry in self._entries.items()}
        changed = {uid: raw for uid, raw in found.items() if known.get(uid) != digest(raw)}
        stale = list(changed if self._trusted else found)
        states = self._store.states(stale)
        for uid in known.keys() - found.keys():
            self._drop(uid)
        for uid, raw in changed.items():
            self._drop(uid)
            self._entries[uid] = read_entry(uid, raw)
        for uid, state in zip(stale, states):
            self._states[uid] = state
            self._plan(uid, now)
        self._version, self._read, self._trusted = version, True, True

    def _drop(self, uid: str) -> None:
        self._entries.pop(uid, None)
        self._states.pop(uid, None)
        self._plan(uid, None)

    def _plan(self, uid: str, moment: float | None) -> None:
        self._due.set(uid, moment)
        self._unprepared.set(uid, None if moment is None else moment - PREPARE_AHEAD)
        self._prepared.pop(uid, None)

    def _settle_due(self) -> None:
        """Batch after batch until it is time to look; what follows from the answers waits meanwhile."""
        settled: list[tuple[Work, Answer, float]] = []
        now = begun = self._clock()
        while now - begun < LOOK_EVERY:
            taken = self._due.take(now, BATCH)
            works = [work for _, uid in taken if (work := self._work_due(uid, now)) is not None]
            answers = self._store.settle([work.change for work in works]) if works else []
            now = self._clock()
            settled += [(work, answer, now) for work, answer in zip(works, answers)]
            if len(taken) < BATCH:
                self.ready = True
                break
        for one in settled:
            self._answered(*one)

    def _work_due(self, uid: str, now: float) -> Work | None:
        work = self._as_prepared(uid, now) or self._work(uid, now)
        if work is None:
            self._plan(uid, read_state(self._states[uid]).next)
        return work

    def _as_prepared(self, uid: str, now: float) -> Work | None:
        work = self._prepared.get(uid)
        if work is None or work.step.run is None or work.step.run.planned is None:
            return None
        following = work.step.state.next
        in_time = work.step.run.planned <= now < work.step.run.planned + AS_PREPARED
        return work if in_time and (following is None or following > now) else None

    def _work(self, uid: str, now: float) -> Work | None:
        """None: nothing has to be sent or written."""
        entry, seen = self._entries[uid], self._states[uid]
        state = read_state(seen)
        step = decide(entry, state, now)
        if step.run is None and step.state == state and not is_first(seen):
            return None
        if step.state.missed > state.missed:
            logger.warning("%s: %d scheduled runs were missed", entry.name, step.state.missed - state.missed)
        try:
            message = None if step.run is None else self._build(entry, step.run, now)
        except UnsendableError as error:  # until it is changed; the others go on
            self._entries[uid] = entry._replace(timing=None, error=str(error))
            return self._work(uid, now)
        return Work(entry, step, Change(uid, entry.digest, seen, step.state.encoded(), message))

    def _answered(self, work: Work, answer: Answer, now: float) -> None:
        uid, run = work.entry.uid, work.step.run
        if answer.verdict is Verdict.DONE:
            self._states[uid] = work.change.state
            # After a run by trigger there may be a planned one due.
            again = run is not None and run.planned is None
            self._plan(uid, now if again else work.step.state.next)
            if run is not None:
                logger.debug("%s: sent %s as %s", work.entry.name, work.entry.task, run.task_id)
            if run is not None and run.planned is not None:
                self._lags.append(now - run.planned)
        elif answer.verdict is Verdict.ENTRY_CHANGED:
            self._drop(uid)
            self._read = False
        elif answer.verdict is Verdict.STATE_CHANGED:
            self._states[uid] = answer.text
            self._plan(uid, now)
        else:
            self._failed(work.entry, answer.text, now)

    def _failed(self, entry: Entry, text: bytes, now: float) -> None:
        """Write down why, where that is possible, and try again."""
        seen = self._states[entry.uid]
        state = read_state(seen)._replace(error=_refusal(entry, text.decode(errors="replace")))
        logger.warning("%s: %s", entry.name, state.error)
        change = Change(entry.uid, entry.digest, seen, state.encoded())
        if change.state != seen and self._store.settle([change])[0].verdict is Verdict.DONE:
            self._states[entry.uid] = change.state
        self._plan(entry.uid, now + RETRY)

    def _say(self) -> None:
        now = self._clock()
        if 0 <= now - self._beaten < HEARTBEAT_EVERY:
            return
        self._store.heartbeat(json.dumps({
            "v": 1, "pod": self._pod, "at": round(now, 3), "startedAt": round(self._started, 3),
            "ready": self.ready, "version": self._version.decode() if self._version else None,
            "entries": len(self._entries),
            "errors": sum(1 for entry in self._entries.values() if entry.error),
            "lag": self._lag(),
        }))  # fmt: skip
        self._beaten = now

    def _lag(self) -> float | None:
        lags = sorted(self._lags)
        return round(lags[len(lags) * 99 // 100], 3) if lags else None

    def _rest(self) -> float:
        """Prepare some runs, then rest until something is due."""
        if not self._read:
            return 0.0
        due = self._due.first()
        now = self._clock()
        if due is None or due > now:
            self._prepare(now)
        moments = [self._looked + LOOK_EVERY, self._beaten + HEARTBEAT_EVERY]
        moments += [moment for moment in (due, self._unprepared.first()) if moment is not None]
        return max(0.0, min(moments) - self._clock())

    def _prepare(self, now: float) -> None:
        for moment, uid in self._unprepared.take(now, PREPARE_AT_ONCE):
            work = self._work(uid, moment + PREPARE_AHEAD)
            if work is not None and work.step.run is not None:
                self._prepared[uid] = work


def _refusal(entry: Entry, text: str) -> str:
    queue = entry.queue or "celery"
    code = text.split(" ", 1)[0]
    if code == "OOM":
        return f"Redis is out of memory and rejects runs for queue {queue}: raise maxMemory or purge a queue."
    if code == "WRONGTYPE":
        return f"The key of queue {queue} in Redis is not a list: delete that key."
    word = code if re.fullmatch("[A-Z]{2,20}", code) else "an error"
    return f"Redis rejects the run for queue {queue} ({word}): check the log of its pod."
