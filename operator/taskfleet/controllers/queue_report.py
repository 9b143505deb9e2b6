"""What is reported of a TaskQueue: its status, the events that are new in it, and when to look again. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from taskfleet.api import Key, Object
from taskfleet.api.reasons import ConditionType, EventReason, QueueReason, Reason
from taskfleet.api.stored import condition_of
from taskfleet.controllers.broker_ready import broker_problem
from taskfleet.controllers.conditions import Reasoned
from taskfleet.controllers.plan import Outcome, Plan, soonest
from taskfleet.controllers.queue_status import QueueSeen, queue_status
from taskfleet.controllers.request_results import as_requested_by
from taskfleet.kube.event import Event, Severity

_PURGE_AGAIN_SECONDS = 1.0
_SILENCE_AGAIN_SECONDS = 10.0  # no event says that a node is lost
_TOLD = (ConditionType.CONSUMED, ConditionType.HEALTHY)


def reading_problem(broker: Key, live: Object | None) -> Reasoned | None:
    """Why a queue cannot be read. `live`: the Broker as memory knows it."""
    if live is None:
        advice = "Create the Broker. A Broker named default is created with the first WorkerPool."
        return Reason.BROKER_MISSING, f"Broker {broker.name!r} does not exist in this namespace. {advice}"
    why = broker_problem(live)
    return None if why is None else (QueueReason.BROKER_NOT_READY, why)


def seen_after(seen: QueueSeen, outcome: Outcome) -> QueueSeen:
    """With what became of a purge. Figures of a broker that is not ready are not shown."""
    return replace(seen, figures=seen.figures if seen.problem is None else None, purged=outcome.result)


def queue_report(raw: Object, seen: QueueSeen, *, now: datetime) -> Plan:
    """`raw`: the TaskQueue as it is stored."""
    status = queue_status(seen, now=now)
    unanswered = seen.purged is not None and seen.purged.messages is None and seen.problem is None
    return Plan(
        status=status,
        events=(*_changes(raw, status), *_purge_event(status)),
        look_again=soonest(
            _PURGE_AGAIN_SECONDS if unanswered else None,
            _SILENCE_AGAIN_SECONDS if seen.held_in_silence else None,
        ),
    )


def _changes(raw: Object, status: Object) -> Iterator[Event]:
    """An event for each condition that has changed; a new healthy queue needs none."""
    for verdict in status["conditions"]:
        before = condition_of(raw, verdict["type"])
        was = before["status"] if before is not None and before["status"] != "Unknown" else "True"
        if verdict["type"] in _TOLD and verdict["status"] not in (was, "Unknown"):
            severity = Severity.NORMAL if verdict["status"] == "True" else Severity.WARNING
            yield Event(verdict["reason"], verdict["message"], severity)


def _purge_event(status: Object) -> Iterator[Event]:
    last = status.get("lastPurge")
    if last is None:
        return
    by = as_requested_by(last.get("requestedBy", ""))
    if "refused" in last:
        yield Event(EventReason.PURGE_REFUSED, f"{last['refused']}{by}", Severity.WARNING)
    else:
        yield Event(EventReason.PURGED, f"{last['messages']} messages were removed{by}.")
