"""Beat's loop: reads the schedules, prepares the next runs, sends what is due, and says that it is alive."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Sequence
from typing import Callable, NamedTuple

from taskfleet_worker.agenda import Agenda
from taskfleet_worker.due import Run, Step, decide
from taskfleet_worker.schedule_entry import Entry, digest, read_entry, read_state
from taskfleet_worker.schedule_store import Answer, Change, Message, Store, Verdict

# The operator counts on 0.5 s.
LOOK_EVERY = 0.4
HEARTBEAT_EVERY = 2.0
# One script: some milliseconds, in which Redis does nothing else.
BATCH = 100
# Messages are built before they are due, a few at a time, so that a burst at a full hour only has to be pushed.
PREPARE_AHEAD = 10.0
PREPARE_AT_ONCE = 10
RETRY = 5.0


class Prepared(NamedTuple):
    """A run's message before the run is due."""

    run: Run
    message: Message


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
        self._prepared: dict[str, Prepared] = {}
        self._lags: deque[float] = deque(maxlen=1000)
        self.ready = False

    def turn(self) -> float:
        """Do what is due; the seconds until there is more to do. Raises what the store raises."""
        self._look()
        self._settle(self._take_due())
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

    def _take_due(self) -> list[tuple[Entry, Step]]:
        """What a batch of those whose moment has come need."""
        steps: list[tuple[Entry, Step]] = []
        now = self._clock()
        for _ in range(BATCH):
            taken = self._due.take(now)
            if taken is None:
                self.ready = True
                break
            uid = taken[1]
            state = read_state(self._states[uid])
            step = decide(self._entries[uid], state, now)
            if step.run is not None or step.state != state:
                steps.append((self._entries[uid], step))
            else:
                self._plan(uid, state.next)
        return steps

    def _settle(self, steps: Sequence[tuple[Entry, Step]]) -> None:
        if not steps:
            return
        now = self._clock()
        changes = [self._change(entry, step, now) for entry, step in steps]
        answers = self._store.settle(changes)
        now = self._clock()
        for (entry, step), change, answer in zip(steps, changes, answers):
            self._answered(entry, step, change, answer, now)

    def _change(self, entry: Entry, step: Step, now: float) -> Change:
        message = None
        if step.run is not None:
            prepared = self._prepared.get(entry.uid)
            ready = prepared is not None and prepared.run == step.run
            message = prepared.message if ready and prepared else self._build(entry, step.run, now)
        return Change(entry.uid, entry.digest, self._states[entry.uid], step.state.encoded(), message)

    def _answered(self, entry: Entry, step: Step, change: Change, answer: Answer, now: float) -> None:
        uid = entry.uid
        if answer.verdict is Verdict.DONE:
            self._states[uid] = change.state
            # After a run by trigger there may be a planned one due.
            again = step.run is not None and step.run.planned is None
            self._plan(uid, now if again else step.state.next)
            if step.run is not None and step.run.planned is not None:
                self._lags.append(now - step.run.planned)
        elif answer.verdict is Verdict.ENTRY_CHANGED:
            self._drop(uid)
            self._read = False
        elif answer.verdict is Verdict.STATE_CHANGED:
            self._states[uid] = answer.text
            self._plan(uid, now)
        else:
            self._failed(entry, answer.text, now)

    def _failed(self, entry: Entry, text: bytes, now: float) -> None:
        """Write down why, where that is possible, and try again."""
        seen = self._states[entry.uid]
        state = read_state(seen)._replace(error=_refusal(entry, text.decode(errors="replace")))
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
        for _ in range(PREPARE_AT_ONCE):
            taken = self._unprepared.take(now)
            if taken is None:
                return
            uid = taken[1]
            planned = taken[0] + PREPARE_AHEAD
            step = decide(self._entries[uid], read_state(self._states[uid]), planned)
            if step.run is not None:
                self._prepared[uid] = Prepared(step.run, self._build(self._entries[uid], step.run, now))


def _refusal(entry: Entry, text: str) -> str:
    queue = entry.queue or "celery"
    code = text.split(" ", 1)[0]
    if code == "OOM":
        return f"Redis is out of memory, so queue {queue} takes no run: raise maxMemory or purge a queue."
    if code == "WRONGTYPE":
        return f"In Redis the name of queue {queue} belongs to something that is no list: remove that key."
    word = code if re.fullmatch("[A-Z]{2,20}", code) else "an error"
    return f"Redis does not take the run for queue {queue} ({word}): see the log of its pod."
