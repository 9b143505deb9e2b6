"""What one probe of a broker found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    REACHABLE = "Reachable"
    UNREACHABLE = "Unreachable"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    TLS_FAILED = "TlsFailed"
    READ_ONLY = "ReadOnly"


# The same whatever is there instead, or nothing: else a Broker's status would be a scan of the network's ports.
NO_BROKER = "The broker does not answer."


@dataclass(frozen=True)
class Probe:
    """The answer of a broker. `detail` is our own sentence: no text of a reply is ever passed on."""

    verdict: Verdict
    detail: str = ""
    product: str = "Redis"
    version: str | None = None
    used_memory: int | None = None  # bytes
    max_memory: int | None = None  # bytes; None: no limit
    evicts: bool = False  # keys are dropped when the memory is full
    clients: int | None = None
