"""celery.beat.PersistentScheduler: each send is kept at once (journal.py)."""

from __future__ import annotations

import logging
from typing import Any, Callable

from taskfleet_worker import journal

logger = logging.getLogger(__name__)


def install() -> None:
    """Change Celery's PersistentScheduler, and with it what is derived from it."""
    from celery.beat import PersistentScheduler

    set_up, sync = PersistentScheduler.setup_schedule, PersistentScheduler.sync
    send = PersistentScheduler.apply_async

    def setup_schedule(scheduler: Any) -> None:
        path = f"{scheduler.schedule_filename}{journal.SUFFIX}"
        past = journal.runs(path)
        set_up(scheduler)
        journal.apply(scheduler.schedule, past)
        sync(scheduler)
        _begin(scheduler, path)

    def sync_and_clear(scheduler: Any) -> None:
        sync(scheduler)
        lines = getattr(scheduler, "taskfleet_journal", None)
        if lines is not None:
            lines.clear()

    def apply_async(scheduler: Any, entry: Any, *args: Any, **kwargs: Any) -> Any:
        # Not at a SystemExit: TERM has come in the middle, and everything is written and closed.
        try:
            result = send(scheduler, entry, *args, **kwargs)
        except Exception:
            _note(scheduler, entry)
            raise
        _note(scheduler, entry)
        return result

    PersistentScheduler.setup_schedule = setup_schedule
    PersistentScheduler.sync, PersistentScheduler.apply_async = sync_and_clear, apply_async
    PersistentScheduler.schedules_equal = _comparing_what_changed(PersistentScheduler.schedules_equal)


def _comparing_what_changed(equal: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], bool]:
    def schedules_equal(scheduler: Any, old: Any, new: Any) -> bool:
        if not old or not new or old.keys() != new.keys():
            return bool(equal(scheduler, old, new))
        changed = [name for name, entry in old.items() if new[name] is not entry]
        if not equal(scheduler, {name: old[name] for name in changed}, {name: new[name] for name in changed}):
            return False
        old.update((name, new[name]) for name in changed)
        return True

    return schedules_equal


def _begin(scheduler: Any, path: str) -> None:
    try:
        scheduler.taskfleet_journal = journal.Journal(path)
        scheduler.taskfleet_journal.clear()
    except OSError as error:
        logger.warning("taskfleet: cannot write %s (%s): beat writes all entries at each send", path, error)
    else:
        if scheduler.sync_every_tasks == 1:
            scheduler.sync_every_tasks = 0  # what it is for, the journal does


def _note(scheduler: Any, entry: Any) -> None:
    lines = getattr(scheduler, "taskfleet_journal", None)
    if lines is None:
        return
    try:
        lines.add(scheduler.schedule.get(entry.name, entry))
    except OSError as error:
        logger.warning("taskfleet: cannot write the sent tasks (%s): beat writes all entries instead", error)
        scheduler.taskfleet_journal = None
        scheduler.sync_every_tasks = 1
