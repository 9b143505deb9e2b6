"""The memory of a broker's server, with a warning before it is full and rejects new tasks. Pure."""

import re

from taskfleet.api import Broker, Object
from taskfleet.api.reasons import BrokerReason, ConditionType
from taskfleet.api.stored import condition_of
from taskfleet.brokers.probe import Probe
from taskfleet.controllers.conditions import condition, reason_of
from taskfleet.kube.event import Event, Severity

_NEARLY_FULL = 0.80  # of maxmemory
_SAME = 0.1  # MiB to both sides of the figure that is shown, for each Broker on the server
# A little lower, so that a figure at the limit does not change the condition at every probe.
_ENOUGH_AGAIN = 0.75


def memory_in_use(broker: Broker, probe: Probe | None, *, sharers: int = 1) -> str | None:
    """For people, such as `1.3Mi of 256Mi`. The figure of an idle server, which wavers, stays as it is shown: each of the
    `sharers`, Brokers on this server, has connections that come and go.
    """
    if probe is None or probe.used_memory is None:
        return None
    limit = "" if probe.max_memory is None else f" of {_mebibytes(probe.max_memory)}"
    shown = re.fullmatch(rf"(\d+(?:\.\d)?)Mi{re.escape(limit)}", broker.status.memory or "")
    if shown is not None and abs(float(shown[1]) - probe.used_memory / 2**20) < _SAME * sharers:
        return broker.status.memory
    return _mebibytes(probe.used_memory) + limit


def memory_condition(broker: Broker, probe: Probe | None) -> list[Object]:
    """The condition once there are figures; while there are none the last one holds."""
    before = broker.status.condition(ConditionType.MEMORY_AVAILABLE)
    if probe is None or probe.used_memory is None:
        return [] if before is None else [before.to_object()]
    was_full = before is not None and before.reason == BrokerReason.MEMORY_PRESSURE
    reason, message = _verdict(broker, probe, probe.used_memory, was_full=was_full)
    holds = reason is BrokerReason.SUFFICIENT_MEMORY
    generation = broker.metadata.generation
    return [condition(ConditionType.MEMORY_AVAILABLE, holds, reason, message, generation=generation)]


def memory_events(raw: Object, status: Object) -> list[Event]:
    """A warning if the written status reports a problem that the Broker `raw` did not have."""
    now = condition_of({"status": status}, ConditionType.MEMORY_AVAILABLE)
    if now is None or now["status"] == "True":
        return []
    if reason_of(raw, ConditionType.MEMORY_AVAILABLE) == now["reason"]:
        return []
    return [Event(now["reason"], now["message"], Severity.WARNING)]


def _verdict(broker: Broker, probe: Probe, used: int, *, was_full: bool) -> tuple[BrokerReason, str]:
    if probe.max_memory is None:
        return BrokerReason.SUFFICIENT_MEMORY, "The server has no memory limit (maxmemory)."
    if probe.evicts:
        return BrokerReason.KEY_EVICTION_ENABLED, (
            "The server's maxmemory-policy evicts keys when its memory is full, including queues "
            "with their tasks. Set maxmemory-policy noeviction on the server, or use separate "
            "servers for tasks and for caching."
        )
    share = used / probe.max_memory
    if share < (_ENOUGH_AGAIN if was_full else _NEARLY_FULL):
        return BrokerReason.SUFFICIENT_MEMORY, f"Less than {_NEARLY_FULL:.0%} of the memory is in use."
    field = "spec.redis.maxMemory" if broker.spec.managed else "maxmemory of the server"
    return BrokerReason.MEMORY_PRESSURE, (
        f"{share:.0%} of the memory is in use by waiting tasks and results. When it is full, "
        f"Redis refuses new tasks. Raise {field}, lower result_expires (Celery keeps results for "
        "a day), or set ignore_result for tasks whose results are not used."
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f}Mi".replace(".0Mi", "Mi")
