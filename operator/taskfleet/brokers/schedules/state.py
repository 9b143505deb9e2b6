"""What beat reports about each schedule's runs and about itself. Untrusted: invalid values are ignored. Pure.

The other side is docs/explanation/design/schedules.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from taskfleet.brokers.untrusted import count, load_json, printable, seconds

_LONGEST = 4096  # bytes; a state has 300


@dataclass(frozen=True)
class RunState:
    """What became of one schedule's runs."""

    last_run: datetime | None = None  # planned time of the last run that was sent
    next: datetime | None = None  # planned time of the next one; None: suspended, over, or never
    runs: int = 0
    missed: int = 0
    last_task_id: str | None = None
    trigger: str | None = None  # the last token answered
    trigger_task_id: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Heartbeat:
    """What beat says of itself; it is gone 15 s after the last one."""

    ready: bool


def parse_state(value: bytes) -> RunState | None:
    """The state in a field of the hash; None for what is none, such as a seed that beat has not seen yet.

    Beat leaves out what is null.
    """
    raw = _object(value)
    if raw is None or raw.get("seed"):
        return None
    return RunState(
        last_run=_moment(raw.get("lastRun")),
        next=_moment(raw.get("next")),
        runs=_count(raw.get("runs")),
        missed=_count(raw.get("missed")),
        last_task_id=_text(raw.get("lastTaskId")),
        trigger=_text(raw.get("trigger")),
        trigger_task_id=_text(raw.get("triggerTaskId")),
        error=_text(raw.get("error")),
    )


def parse_heartbeat(value: bytes | None) -> Heartbeat | None:
    raw = _object(value or b"")
    return None if raw is None else Heartbeat(ready=raw.get("ready") is True)


def _object(value: bytes) -> dict[str, Any] | None:
    try:
        raw = load_json(value, max_bytes=_LONGEST)
    except ValueError:
        return None
    return raw if isinstance(raw, dict) else None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds(value), UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _count(value: Any) -> int:
    try:
        return count(value)
    except ValueError:
        return 0


def _text(value: Any) -> str | None:
    return printable(value, 300) if isinstance(value, str) and value else None
