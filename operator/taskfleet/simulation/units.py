"""Durations and rates as people write them on a command line, down to milliseconds."""

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)")


class InputError(ValueError):
    """What was asked for makes no sense. The text is a sentence for the user."""


def parse_seconds(text: str) -> float:
    """Read 250ms, 2s, 1.5s or 1h30m. Raises InputError for anything else."""
    if _DURATION.fullmatch(text) is None:
        raise InputError(
            f"{text!r} is not a valid duration: use numbers and units, such as 250ms, 2s or 1h30m."
        )
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def parse_rate(text: str) -> float:
    """Read 50/s, 3/m or 0.5/h as tasks a second. Raises InputError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} is not a valid rate: use tasks per unit of time, such as 50/s, 3/m or 100/h."
        )
    return float(match[1]) / _SECONDS[match[2]]


def format_seconds(seconds: float) -> str:
    """Short enough for a table: 4.2 s, 149 s, 21 min."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 1000 else f"{seconds / 60:.0f} min"
