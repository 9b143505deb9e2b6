"""What an entry needs done at a moment: a run to send, runs to count as missed, a next time to write down."""

from __future__ import annotations

from typing import NamedTuple

from taskfleet_worker.beat.entry import Entry, State
from taskfleet_worker.beat.plan import Timing

# With `catchUp: None` a run is missed when it is later than this: as long as a beat needs to be started again.
ON_TIME = 10.0


class Run(NamedTuple):
    """A task to send. `planned` is None for a run that a user asked for."""

    task_id: str
    planned: float | None


class Step(NamedTuple):
    """The state after it, and the run that goes with it."""

    state: State
    run: Run | None = None


def decide(entry: Entry, state: State, now: float) -> Step:
    """The next thing to do. One that changes nothing has the state it came with and no run."""
    if entry.timing is None:
        return Step(state._replace(next=None, error=entry.error))
    if entry.trigger is not None and entry.trigger != state.trigger:
        return _by_trigger(entry, entry.trigger, state, now)
    if entry.suspend:
        return Step(state._replace(next=None, error=None))
    after = entry.since if state.last is None else max(entry.since, state.last)
    upcoming = entry.timing.next_after(after)
    if upcoming is None or upcoming > now:
        return Step(state._replace(next=upcoming, error=None))
    return _settle(entry, state, _Due.between(entry.timing, after, upcoming, now), now)


class _Due(NamedTuple):
    """The planned times that have come and are not settled."""

    latest: float
    number: int
    following: float | None

    @classmethod
    def between(cls, timing: Timing, after: float, upcoming: float, now: float) -> _Due:
        following = timing.next_after(upcoming)
        if following is None or following > now:  # nearly always
            return cls(upcoming, 1, following)
        latest = timing.latest(after, now) or upcoming
        return cls(latest, timing.count(after, latest), timing.next_after(latest))


def _settle(entry: Entry, state: State, due: _Due, now: float) -> Step:
    """Send the latest, unless it is too late; the others are missed."""
    settled = state._replace(last=due.latest, next=due.following, error=None)
    if _too_late(entry, now - due.latest):
        return Step(settled._replace(missed=state.missed + due.number))
    task_id = entry.task_id(f"{due.latest:.3f}")
    return Step(
        settled._replace(
            missed=state.missed + due.number - 1,
            runs=state.runs + 1,
            lastRun=due.latest,
            lastSent=round(now, 3),
            lastTaskId=task_id,
        ),
        Run(task_id, due.latest),
    )


def _too_late(entry: Entry, late: float) -> bool:
    if entry.starting_deadline is not None and late > entry.starting_deadline:
        return True
    return entry.catch_up == "None" and late > ON_TIME


def _by_trigger(entry: Entry, token: str, state: State, now: float) -> Step:
    task_id = entry.task_id(f"trigger:{token}")
    sent = state._replace(trigger=token, triggerTaskId=task_id, lastTaskId=task_id, lastSent=round(now, 3))
    return Step(sent, Run(task_id, None))
