"""The status of a Broker, from what was seen. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from taskfleet.api import Broker, Object
from taskfleet.api.reasons import BrokerReason, Reason
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.conditions import ready, reconciling, stalled
from taskfleet.controllers.pod_trouble import Trouble

Why = tuple[StrEnum, str]
_REASONS = {
    Verdict.ANSWERS: BrokerReason.ANSWERS,
    Verdict.UNREACHABLE: BrokerReason.UNREACHABLE,
    Verdict.AUTHENTICATION_FAILED: BrokerReason.AUTHENTICATION_FAILED,
}


@dataclass(frozen=True)
class BrokerSeen:
    """A Broker and what there is of it."""

    broker: Broker
    endpoint: str | None = None
    binding: str | None = None  # name of the Secret to connect with
    probe: Probe | None = None  # None: not looked yet
    stalled: Why | None = None
    problem: Why | None = None  # why the broker cannot be looked at
    starting: bool = False  # managed: the Redis pod is not ready
    trouble: Trouble | None = None


def broker_status(seen: BrokerSeen) -> Object:
    generation = seen.broker.metadata.generation
    problem = seen.stalled or seen.problem or _problem(seen)
    probe = seen.probe
    version = f"Redis {probe.version}" if probe and probe.version else "Redis"
    fine = (BrokerReason.ANSWERS, f"{version} at {seen.endpoint} answers.")
    changing = "The Redis pod is starting." if seen.starting and seen.stalled is None else None
    return {
        "observedGeneration": generation,
        "endpoint": seen.endpoint,
        "version": probe.version if probe else None,
        "memory": _memory(probe),
        "clients": probe.clients if probe else None,
        "binding": {"name": seen.binding} if seen.binding else None,
        "conditions": [
            ready(problem is None, *(problem or fine), generation=generation),
            reconciling(changing, generation=generation),
            stalled(seen.stalled, generation=generation),
        ],
    }


def _problem(seen: BrokerSeen) -> Why | None:
    if seen.trouble is not None:
        return seen.trouble.reason, seen.trouble.message
    if seen.starting:
        return BrokerReason.STARTING, "The Redis pod is starting."
    if seen.probe is None:
        return BrokerReason.STARTING, f"The first look at {seen.endpoint} is under way."
    if seen.probe.verdict is Verdict.ANSWERS:
        return None
    advice = {
        Verdict.UNREACHABLE: "Check the address, the network policies and whether the server runs.",
        Verdict.AUTHENTICATION_FAILED: "Correct the URL in the Secret.",
    }[seen.probe.verdict]
    return _REASONS[seen.probe.verdict], f"{seen.endpoint}: {seen.probe.detail} {advice}"


def _memory(probe: Probe | None) -> str | None:
    if probe is None or probe.used_memory is None:
        return None
    used = _mebibytes(probe.used_memory)
    return used if probe.max_memory is None else f"{used} of {_mebibytes(probe.max_memory)}"


def _mebibytes(size: int) -> str:
    """With one decimal, so that the figure of an idle server does not change at every look."""
    return f"{size / 2**20:.1f}Mi".replace(".0Mi", "Mi")


def not_implemented(field: str) -> Why:
    return Reason.NOT_IMPLEMENTED, f"{field} is accepted but not built yet."
