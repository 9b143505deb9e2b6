"""When each task of the app's beat was last sent, kept at once at the cost of one line.

Celery's PersistentScheduler (celery/beat.py) writes all entries every three minutes, or with `beat_sync_every = 1` at
each send, which is too slow for thousands of entries. A beat that is killed in between sends again what it has sent.
Here each send adds a line to a file beside the schedule; the next beat reads it, and each write of all entries empties
it. For the same reason the schedule is not compared with itself at each send: what was compared once is known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

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
