"""The records of a worker's log, and which of them belong to a task. Pure.

In Celery's own formats and in JSON, a record says which task it belongs to only if it names the task's id. What a task
prints otherwise has the name of its process alone, which runs other tasks as well.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# worker_log_format and worker_task_log_format begin with the time in brackets.
_CELERYS = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_JSON_ID = re.compile(r'"(?:task_)?id"\s*:\s*"([^"]{1,200})"')
_WORD = re.compile(r"[\w.:-]+")
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """A line, and those that continue it, such as a traceback."""

    time: datetime
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """The records of one task by its id, or of all with this name; with neither all records."""

    task: str | None = None
    id: str | None = None

    def __bool__(self) -> bool:
        return self.task is not None or self.id is not None


def records(log: str) -> list[Record]:
    """The records of a log whose lines have the kubelet's timestamps."""
    found: list[tuple[datetime, list[str]]] = []
    continued = False  # only Celery's formats show where a record begins
    for line in log.removesuffix("\n").split("\n") if log else ():
        stamp, _, text = line.partition(" ")
        begins = _CELERYS.match(text) is not None
        if continued and not begins and not text.startswith("{"):
            found[-1][1].append(text)
        else:
            found.append((_time(stamp), [text]))
            continued = begins
    return [Record(time, tuple(lines)) for time, lines in found]


def of_task(found: Sequence[Record], wanted: Wanted) -> list[Record]:
    """Those that belong to what is wanted."""
    if wanted.id is not None:
        named = re.compile(rf"(?<![\w-]){re.escape(wanted.id)}(?![\w-])")
        return [record for record in found if any(named.search(line) for line in record.lines)]
    if wanted.task is not None:
        return list(_with_name(found, wanted.task))
    return list(found)


def _with_name(found: Sequence[Record], task: str) -> Iterator[Record]:
    """Records that name the task, and those with the id of one that has been named."""
    name = re.escape(task)
    named = re.compile(rf'(?<![\w.]){name}\[(?P<id>[^\]]{{1,200}})\]|"{name}"')
    ids: set[str] = set()
    for record in found:
        matches = [match for line in record.lines for match in named.finditer(line)]
        ids.update(_ids(record, (match["id"] for match in matches)) if matches else ())
        if matches or any(not ids.isdisjoint(_WORD.findall(line)) for line in record.lines):
            yield record


def _ids(record: Record, named: Iterable[str | None]) -> Iterator[str]:
    yield from (one for one in named if one is not None)
    if record.lines[0].startswith("{"):
        yield from _JSON_ID.findall(record.lines[0])


def _time(stamp: str) -> datetime:
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return _NEVER
    return time if time.tzinfo is not None else _NEVER
