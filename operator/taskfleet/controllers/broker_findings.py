"""What the maintenance scan of a broker found, as its status reports it. Pure."""

from taskfleet.api import Broker, Object, format_duration
from taskfleet.api.reasons import BrokerReason, ConditionType, EventReason
from taskfleet.api.stored import condition_of
from taskfleet.brokers.recovery.findings import Findings
from taskfleet.controllers.conditions import condition, reason_of
from taskfleet.kube.event import Event, Severity

NOTHING_FOUND: Object = {"foreignUnacked": None, "unconsumedQueues": None, "expiredUnroutable": None}


def finding_fields(broker: Broker, findings: Findings | None, *, requeued: int) -> Object:
    """Status fields by name. Before the first scan the last ones hold; `requeued` since the last write."""
    total = (broker.status.expired_requeued or 0) + requeued or None
    if findings is None:
        return {"expiredRequeued": total}
    return {
        "foreignUnacked": findings.foreign_unacked or None,
        "unconsumedQueues": [vars(one) for one in findings.unread] or None,
        "expiredRequeued": total,
        "expiredUnroutable": findings.kept or None,
    }


def visibility_timeouts_match(broker: Broker, findings: Findings | None) -> list[Object]:
    """The condition about other workers' visibility timeout, after the first scan."""
    if findings is None:
        return _as_before(broker)
    holds = findings.taken == 0
    reason = BrokerReason.NO_EARLY_REDELIVERY if holds else BrokerReason.REDELIVERED_WHILE_RUNNING
    message = "No message was redelivered while its task was running." if holds else _taken(broker, findings)
    generation = broker.metadata.generation
    return [condition(ConditionType.VISIBILITY_TIMEOUTS_MATCH, holds, reason, message, generation=generation)]


def reports_valid(broker: Broker, findings: Findings | None) -> list[Object]:
    """The condition about reports that were dropped; none while there are none."""
    if findings is None or not findings.invalid_reports:
        return []
    message = (
        f"{findings.invalid_reports} workers' reports in this broker are not valid and were "
        "dropped, so their pods count as busy. Only workers of WorkerPools write reports: check "
        "which other clients have the broker's password."
    )
    generation = broker.metadata.generation
    reason = BrokerReason.INVALID_REPORTS
    return [condition(ConditionType.REPORTS_VALID, False, reason, message, generation=generation)]


def finding_events(raw: Object, status: Object, requeued: int) -> list[Event]:
    """What is new to the Broker `raw` in the status that was written."""
    events = []
    if requeued:
        message = f"{requeued} messages exceeded visibilityTimeout and were requeued."
        events.append(Event(EventReason.EXPIRED_MESSAGES_REQUEUED, message))
    now = condition_of({"status": status}, ConditionType.VISIBILITY_TIMEOUTS_MATCH)
    if (
        now is not None
        and now["status"] == "False"
        and reason_of(raw, ConditionType.VISIBILITY_TIMEOUTS_MATCH) != now["reason"]
    ):
        events.append(Event(now["reason"], now["message"], Severity.WARNING))
    return events


def _as_before(broker: Broker) -> list[Object]:
    before = broker.status.condition(ConditionType.VISIBILITY_TIMEOUTS_MATCH)
    return [] if before is None else [before.to_object()]


def _taken(broker: Broker, findings: Findings) -> str:
    """A pod renews what it holds four times per timeout, so a worker that takes it has waited for less than a quarter."""
    ours = broker.spec.visibility_timeout
    who = f"such as {', '.join(findings.others)}" if findings.others else "or a script of a producer"
    return (
        f"During the last hour {findings.taken} messages were redelivered to another worker while "
        f"still running, so their tasks run twice. Another worker on this database, {who}, has a "
        f"visibility_timeout of less than {format_duration(ours / 4)}; the Broker's is "
        f"{format_duration(ours)}. Set the same visibility_timeout in broker_transport_options of "
        "that worker's app, or use another database for it."
    )
