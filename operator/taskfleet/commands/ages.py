"""Moments as people read them: how long ago, or in how long."""

from datetime import datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def relative(moment: str | None, now: datetime) -> str | None:
    """Such as `5m ago` or `in 3h`; from two of a unit on, as kubectl counts ages. None: there is no moment."""
    if moment is None:
        return None
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    away = _approximate(round(abs(seconds)))
    return f"in {away}" if seconds > 0 else f"{away} ago"


def _approximate(seconds: int) -> str:
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
