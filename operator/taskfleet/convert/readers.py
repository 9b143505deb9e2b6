"""Values of command lines and units as values of fields. Each raises Unreadable for an invalid value."""

import re
from datetime import timedelta
from math import ceil
from typing import Any

from taskfleet.api import format_duration
from taskfleet.convert.draft import MeansNone, Unreadable

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")
_UNITS = {
    "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 0.001,
    "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip
_LEVELS = {"FATAL": "CRITICAL", "WARN": "WARNING"}
_KNOWN_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
_POOLS = {"processes": "prefork"}
_KNOWN_POOLS = frozenset({"prefork", "threads", "gevent", "eventlet", "solo"})


def number(value: Any) -> int:
    """A whole number."""
    try:
        return int(str(value))
    except ValueError:
        raise Unreadable(f"{value!r} is not a number.") from None


def seconds(value: Any) -> str:
    """Seconds, or a span such as 5min 20s, as a duration; parts of a second are rounded up."""
    total, text = 0.0, str(value).strip()
    if not re.fullmatch(rf"({_SPAN.pattern}\s*)+", text):
        raise Unreadable(f"{value!r} is not a valid time.")
    for amount, unit in _SPAN.findall(text):
        if unit not in _UNITS:
            raise Unreadable(f"{value!r} is not a valid time.")
        total += float(amount) * _UNITS[unit]
    return format_duration(timedelta(seconds=ceil(total)))


def kibibytes(value: Any) -> str:
    """Celery's number of KiB as a size; 0 means no limit."""
    return f"{positive(value)}Ki"


def positive(value: Any) -> int:
    """A whole number; 0 means none."""
    if number(value) < 1:
        raise MeansNone(f"In Celery {value} means none.")
    return number(value)


def limit(value: Any) -> str:
    """A time limit in seconds; 0 means no limit."""
    if (found := seconds(value)) == "0s":
        raise MeansNone("In Celery 0 means no limit.")
    return found


def level(value: Any) -> str:
    """A log level by Celery's names."""
    name = str(value).upper()
    name = _LEVELS.get(name, name)
    if name not in _KNOWN_LEVELS:
        raise Unreadable(f"{value!r} is not a log level.")
    return name


def pool_type(value: Any) -> str:
    """The type of a pool."""
    name = _POOLS.get(str(value), str(value))
    if name not in _KNOWN_POOLS:
        raise Unreadable(
            f"{value!r} is a custom pool; a WorkerPool supports prefork, threads, gevent, eventlet and solo."
        )
    return name


def queues(value: Any) -> list[str]:
    """Names separated by commas, each once."""
    names = list(dict.fromkeys(name.strip() for name in str(value).split(",") if name.strip()))
    unknown = [name for name in names if "$" in name or "{" in name]
    if not names or unknown:
        raise Unreadable(f"{value!r} is not a list of queue names.")
    return names


def processes(value: Any) -> dict[str, int]:
    """Celery's --autoscale=MAX,MIN; without MIN that is 0, and the least that a pod can have is 1."""
    most, _, least = str(value).partition(",")
    found = {"min": max(1, number(least or 0)), "max": number(most)}
    if found["min"] > found["max"]:
        raise Unreadable(f"{value} is MAX,MIN, and MAX is less than MIN.")
    return found


def memory(value: Any) -> str:
    """A size of systemd or Docker, whose K, M and G are powers of 1024, as a quantity."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)[iI]?[bB]?", str(value).strip())
    if found is None:
        raise Unreadable(f"{value!r} is not a valid size.")
    unit = {"": "", "k": "Ki", "m": "Mi", "g": "Gi", "t": "Ti"}[found[2].lower()]
    return f"{found[1]}{unit}"


def scheduler(value: Any) -> str:
    """A scheduler class; django is the short name that django-celery-beat registers."""
    return "django_celery_beat.schedulers:DatabaseScheduler" if value == "django" else str(value)


def object_name(text: str, *, length: int = 40) -> str:
    """`text` as the name of one of our objects: lower-case letters, digits and -, a letter first."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name = name if name[:1].isalpha() else f"q-{name}".rstrip("-")
    return name[:length].rstrip("-")
