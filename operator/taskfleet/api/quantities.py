"""Durations and quantities: strings in YAML, numbers in Python."""

import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from taskfleet.api.schema import Limits, Rule

# Bounded digits keep the sum below what CEL's duration() can hold (292 years).
DURATION_RULE = Rule(
    "self.matches('^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$') && self != ''",
    '"{self}" is not a valid duration: use hours, minutes and seconds, such as 30s, 5m or 1h30m.',
)
SIZE_RULE = Rule(
    "self.matches('^[1-9][0-9]{0,17}(k|M|G|T|Ki|Mi|Gi|Ti)$')",
    '"{self}" is not a valid size: use a whole number with a unit, such as 256Mi or 1Gi.',
)
Count = Annotated[int, Limits(minimum=0)]
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

_SUFFIXES = {
    "": Decimal(1),
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate(("m", "u", "n"), 1)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{
        suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)
    },
}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]{0,2})")


def parse_duration(text: str) -> timedelta:
    """Read 30s, 5m or 1h30m. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError("must be a duration, such as 30s, 5m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write whole seconds the shortest way: 90 minutes are 1h30m."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _read_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": 24}),
    DURATION_RULE,
]
"""Hours, minutes and seconds in this order: 30s, 5m, 1h30m."""

PositiveDuration = Annotated[
    Duration,
    Rule("!self.matches('^[0hms]+$')", "{self} is too short: use at least 1s, or remove the field."),
]


def parse_quantity(value: str | float) -> Decimal:
    """Read a Kubernetes quantity such as 500m, 2, 1.5Gi. Raises ValueError for anything else."""
    match = _QUANTITY.fullmatch(str(value))
    try:
        if match is None:
            raise KeyError(value)
        return Decimal(match[1]) * _SUFFIXES[match[2]]
    except (KeyError, InvalidOperation):
        raise ValueError(f"{value!r} is not a valid quantity, such as 500m, 2 or 1.5Gi") from None


QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
Quantity = Annotated[
    str | int | float,
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 32, "pattern": QUANTITY_PATTERN}),
]
"""A Kubernetes quantity, as `resources` hold it."""

IntOrPercent = Annotated[
    int | str,
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "maxLength": 5,
            "pattern": "^([0-9]{1,5}|[0-9]{1,2}%|100%)$",
        }
    ),
]
"""A number of pods, or a percentage of them: 1, 25%."""

MemorySize = Annotated[str, Limits(maxLength=24), SIZE_RULE]
"""Bytes with their unit: 256Mi. A bare number is refused, because Celery and Redis read it differently."""
