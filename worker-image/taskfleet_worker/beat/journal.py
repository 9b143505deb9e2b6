"""When each task of the app's beat was last sent, kept at once at the cost of one line.

Celery's PersistentScheduler (celery/beat.py) writes all entries every three minutes, or with `beat_sync_every = 1` at
each send, which is too slow for thousands of entries. A beat that is killed in between sends again what it has sent.
Here each send adds a line to a file beside the schedule; the next beat reads it, and each write of all entries empties
it. For the same reason the schedule is not compared with itself at each send: what was compared once is known.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

logger = logging.getLogger(__name__)

SUFFIX = ".sent"


class Journal:
    """An open file, to which lines are added."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, entry: Any) -> None:
        """One write, which outlives the process. Raises OSError."""
        os.write(self._file, line_of(entry))

    def clear(self) -> None:
        """Every entry is in the schedule's own file. Raises OSError."""
        os.ftruncate(self._file, 0)


def line_of(entry: Any) -> bytes:
    """A JSON list of name, time of the last run, and number of runs."""
    value = [entry.name, entry.last_run_at.isoformat(), entry.total_run_count]
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def runs(path: str) -> list[tuple[Any, datetime, int]]:
    """What the file has; a line that was cut off by the end of its beat is left out."""
    try:
        with open(path, "rb") as lines:
            return list(_parsed(lines))
    except OSError:  # none yet, most of all
        return []


def _parsed(lines: Iterable[bytes]) -> Iterator[tuple[Any, datetime, int]]:
    for line in lines:
        run = _run(line)
        if run is not None:
            yield run


def _run(line: bytes) -> tuple[Any, datetime, int] | None:
    try:
        name, last_run_at, count = json.loads(line)
        return name, datetime.fromisoformat(last_run_at), int(count)
    except (ValueError, TypeError):
        return None


def apply(schedule: Any, past: Iterable[tuple[Any, datetime, int]]) -> None:
    """Move entries on to their last runs; what the schedule's own file knows better stays."""
    for name, last_run_at, count in past:
        entry = schedule.get(name)
        if entry is None or (entry.last_run_at.tzinfo is None) != (last_run_at.tzinfo is None):
            continue
        # An entry that is new in the file has no runs, and the time of this start.
        if last_run_at > entry.last_run_at or entry.total_run_count == 0:
            zone = entry.last_run_at.tzinfo
            entry.last_run_at = last_run_at.astimezone(zone) if zone is not None else last_run_at
            entry.total_run_count = count


def install() -> None:
    """Change Celery's PersistentScheduler, and with it what is derived from it."""
    from celery.beat import PersistentScheduler

    set_up, sync = PersistentScheduler.setup_schedule, PersistentScheduler.sync
    send, equal = PersistentScheduler.apply_async, PersistentScheduler.schedules_equal

    def setup_schedule(scheduler: Any) -> None:
        path = f"{scheduler.schedule_filename}{SUFFIX}"
        past = runs(path)
        set_up(scheduler)
        apply(scheduler.schedule, past)
        sync(scheduler)
        _begin(scheduler, path)

    def sync_and_clear(scheduler: Any) -> None:
        sync(scheduler)
        journal = getattr(scheduler, "taskfleet_journal", None)
        if journal is not None:
            journal.clear()

    def apply_async(scheduler: Any, entry: Any, *args: Any, **kwargs: Any) -> Any:
        # Not at a SystemExit: TERM has come in the middle, and everything is written and closed.
        try:
            result = send(scheduler, entry, *args, **kwargs)
        except Exception:
            _note(scheduler, entry)
            raise
        _note(scheduler, entry)
        return result

    def schedules_equal(scheduler: Any, old: Any, new: Any) -> bool:
        if not old or not new or old.keys() != new.keys():
            return bool(equal(scheduler, old, new))
        changed = [name for name, entry in old.items() if new[name] is not entry]
        if not equal(scheduler, {name: old[name] for name in changed}, {name: new[name] for name in changed}):
            return False
        old.update((name, new[name]) for name in changed)
        return True

    PersistentScheduler.setup_schedule = setup_schedule
    PersistentScheduler.sync, PersistentScheduler.apply_async = sync_and_clear, apply_async
    PersistentScheduler.schedules_equal = schedules_equal


def _begin(scheduler: Any, path: str) -> None:
    try:
        scheduler.taskfleet_journal = Journal(path)
        scheduler.taskfleet_journal.clear()
    except OSError as error:
        logger.warning("taskfleet: cannot write %s (%s): beat writes all entries at each send", path, error)
    else:
        if scheduler.sync_every_tasks == 1:
            scheduler.sync_every_tasks = 0  # what it is for, the journal does


def _note(scheduler: Any, entry: Any) -> None:
    journal = getattr(scheduler, "taskfleet_journal", None)
    if journal is None:
        return
    try:
        journal.add(scheduler.schedule.get(entry.name, entry))
    except OSError as error:
        logger.warning("taskfleet: cannot write the sent tasks (%s): beat writes all entries instead", error)
        scheduler.taskfleet_journal = None
        scheduler.sync_every_tasks = 1
