"""Values that tenants control, as far as they may be read: each has a bound, and is checked before it is used. Pure."""

import json
from typing import Any, NoReturn

MAX_BYTES = 16 * 1024 * 1024
"""Of the answer to one request: 20,000 reports of 800 bytes."""
MAX_COUNT = 10**15
"""Of a counter, or of bytes. A float holds it exactly, and the sum of a thousand fits the API's integers."""

MAX_SECONDS = 10**10
"""300 years; Unix times are below it."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def load_json(value: bytes, *, max_bytes: int) -> Any:
    """What is written in `value`. Raises ValueError, also for what is too large, too deep, or Infinity and NaN.

    Numbers are as they are written: `count` and `seconds` bound them.
    """
    if len(value) > max_bytes:
        raise ValueError(f"more than {max_bytes} bytes")
    try:
        return _DECODER.decode(value.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def count(value: Any) -> int:
    """A count of things. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError("not a valid count")
    return value


def seconds(value: Any, *, most: float = MAX_SECONDS) -> float:
    """A length of time, or a Unix time. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError("not a valid time")
    return float(value)


def printable(text: str, longest: int) -> str:
    """`text` without control and invisible characters, cut to `longest` characters."""
    short = text[:longest]
    if short.isprintable():
        return short
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in short
    )
