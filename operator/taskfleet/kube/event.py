"""What happened to an object, before it is written. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True)
class Event:
    """Something that happened to an object, as `kubectl describe` shows it."""

    reason: str
    message: str
    severity: Severity = Severity.NORMAL
