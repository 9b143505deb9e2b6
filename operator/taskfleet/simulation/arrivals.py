"""When tasks arrive: bursts, Poisson streams, a daily curve, a recorded trace, or several of them added up."""

import csv
from collections.abc import Iterator
from itertools import repeat
from math import cos, pi
from pathlib import Path
from random import Random

from taskfleet.simulation.units import InputError, parse_rate, parse_seconds

MOST_TASKS = 1_000_000  # a minute or two of simulation, and a few hundred MB
_DAY = 86_400.0
_FORMS = "burst:400, burst:400@30s, poisson:50/s, daily:20/s, a file trace.csv, or several joined by +"


def arrivals(text: str, *, duration: float, random: Random) -> list[float]:
    """Seconds at which tasks arrive, sorted, all before `duration`. Raises InputError."""
    moments: list[float] = []
    for part in text.split("+"):
        for moment in _stream(part, duration, random):
            if moment < duration:
                moments.append(moment)
            if len(moments) > MOST_TASKS:
                raise InputError(
                    f"--arrivals {text} creates more than {MOST_TASKS:,} tasks: lower the rate or --duration."
                )
    if not moments:
        raise InputError(
            f"--arrivals {text} creates no tasks within {duration:g} s: raise --duration or the rate."
        )
    return sorted(moments)


def _stream(text: str, duration: float, random: Random) -> Iterator[float]:
    kind, _, rest = text.partition(":")
    if text.endswith(".csv"):
        return _trace(Path(text))
    if kind == "burst":
        return _burst(rest)
    if kind == "poisson":
        return _poisson(parse_rate(rest), duration, random)
    if kind == "daily":
        return _daily(parse_rate(rest), duration, random)
    raise InputError(f"--arrivals {text!r} is not valid: use {_FORMS}.")


def _burst(text: str) -> Iterator[float]:
    count, _, at = text.partition("@")
    if not (count.isdecimal() and int(count) <= MOST_TASKS):
        raise InputError(
            f"--arrivals burst:{text} is not valid: use up to {MOST_TASKS:,} tasks, such as "
            "burst:400 or burst:400@30s."
        )
    return repeat(parse_seconds(at) if at else 0.0, int(count))


def _poisson(rate: float, duration: float, random: Random) -> Iterator[float]:
    now = random.expovariate(rate) if rate else duration
    while now < duration:
        yield now
        now += random.expovariate(rate)


def _daily(peak: float, duration: float, random: Random) -> Iterator[float]:
    """One wave a day: nothing at midnight, where it starts, `peak` at noon. By thinning a Poisson stream."""
    for moment in _poisson(peak, duration, random):
        if random.random() < (1 - cos(2 * pi * moment / _DAY)) / 2:
            yield moment


def _trace(path: Path) -> Iterator[float]:
    """Rows of seconds since the start and, optionally, a number of tasks. A first row of words is a header."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or (number == 1 and row[0].strip().isalpha()):
                    continue
                yield from _row(row, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--arrivals {path} cannot be read: {error}.") from None


def _row(row: list[str], where: str) -> Iterator[float]:
    try:
        moment, count = float(row[0]), int(row[1]) if len(row) > 1 else 1
        if not (moment >= 0 and 0 <= count <= MOST_TASKS):
            raise ValueError
    except ValueError:
        raise InputError(
            f"{where} is {','.join(row)!r}: use seconds since the start and a number of tasks, "
            "such as 12.5,3."
        ) from None
    return repeat(moment, count)
