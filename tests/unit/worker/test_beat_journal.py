from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from taskfleet_worker.journal import Journal, apply, runs

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass
class Entry:
    """What is used of Celery's ScheduleEntry."""

    name: str = "report"
    last_run_at: datetime = field(default=NOON)
    total_run_count: int = 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "schedule.sent"


def test_a_run_that_was_noted_is_found_again(path: Path) -> None:
    journal = Journal(str(path))
    journal.add(Entry())
    journal.add(Entry("other", NOON + timedelta(seconds=1), 7))
    assert runs(str(path)) == [("report", NOON, 1), ("other", NOON + timedelta(seconds=1), 7)]


def test_a_journal_that_was_cleared_is_empty_and_goes_on(path: Path) -> None:
    journal = Journal(str(path))
    journal.add(Entry())
    journal.clear()
    journal.add(Entry("other"))
    assert [name for name, _, _ in runs(str(path))] == ["other"]


@pytest.mark.parametrize(
    "rest", [b'["report","2026-0', b"\x00\x00\n", b'["a"]\n', b"[1,2,3]\n", b'["a","x",1]\n']
)
def test_a_line_that_was_cut_off_is_left_out(path: Path, rest: bytes) -> None:
    Journal(str(path)).add(Entry())
    path.write_bytes(path.read_bytes() + rest)
    assert [name for name, _, _ in runs(str(path))] == ["report"]


def test_no_journal_is_no_runs(path: Path) -> None:
    assert runs(str(path)) == []


@pytest.mark.parametrize(
    ("stored", "noted", "expected"),
    [
        pytest.param(
            Entry(), NOON + timedelta(seconds=5), NOON + timedelta(seconds=5), id="the-journal-is-newer"
        ),
        pytest.param(Entry(), NOON - timedelta(seconds=5), NOON, id="the-file-is-newer"),
        pytest.param(
            Entry(total_run_count=0),
            NOON - timedelta(seconds=5),
            NOON - timedelta(seconds=5),
            id="new-in-the-file",
        ),
        pytest.param(
            Entry(), (NOON + timedelta(seconds=5)).replace(tzinfo=None), NOON, id="another-kind-of-time"
        ),
    ],
)
def test_an_entry_moves_on_to_its_last_run(stored: Entry, noted: datetime, expected: datetime) -> None:
    entry = Entry(stored.name, stored.last_run_at, stored.total_run_count)
    apply({"report": entry}, [("report", noted, 9), ("gone", noted, 1)])
    assert entry.last_run_at == expected


def test_the_zone_of_an_entry_is_kept() -> None:
    zone = timezone(timedelta(hours=2))
    entry = Entry(last_run_at=NOON.astimezone(zone))
    apply({"report": entry}, [("report", NOON + timedelta(hours=1), 2)])
    assert entry.last_run_at.tzinfo is zone
