"""What the slow look at a broker found, as its status tells it. Pure."""

from taskfleet.api import Broker, Object, format_duration
from taskfleet.api.reasons import BrokerReason, ConditionType
from taskfleet.brokers.survey import Findings
from taskfleet.controllers.conditions import condition, condition_of, reason_of
from taskfleet.kube.events import Event, Severity


def finding_fields(broker: Broker, findings: Findings | None, *, given_back: int) -> Object:
    """Status fields by name. Before the first look the last ones hold; `given_back` since the last write."""
    total = (broker.status.expired_given_back or 0) + given_back or None
    if findings is None:
        return {"expiredGivenBack": total}
    return {
        "foreignUnacked": findings.foreign_unacked or None,
        "unreadQueues": [vars(one) for one in findings.unread] or None,
        "expiredGivenBack": total,
        "expiredKept": findings.kept or None,
    }


def timeouts_agree(broker: Broker, findings: Findings | None) -> list[Object]:
    """The condition about other workers' visibility timeout, once there was a look."""
    if findings is None:
        return _as_before(broker)
    holds = findings.taken == 0
    reason = BrokerReason.NOTHING_TAKEN if holds else BrokerReason.TAKEN_BY_OTHERS
    message = "No task was given to others while a pod worked on it." if holds else _taken(broker, findings)
    generation = broker.metadata.generation
    return [condition(ConditionType.TIMEOUTS_AGREE, holds, reason, message, generation=generation)]


def finding_events(raw: Object, status: Object, given_back: int) -> list[Event]:
    """What is new to the Broker `raw` in the status that was written."""
    events = []
    if given_back:
        message = (
            f"{given_back} messages that nobody renewed within visibilityTimeout are back in their queues."
        )
        events.append(Event("ExpiredMessagesGivenBack", message))
    now = condition_of({"status": status}, ConditionType.TIMEOUTS_AGREE)
    if (
        now is not None
        and now["status"] == "False"
        and reason_of(raw, ConditionType.TIMEOUTS_AGREE) != now["reason"]
    ):
        events.append(Event(now["reason"], now["message"], Severity.WARNING))
    return events


def _as_before(broker: Broker) -> list[Object]:
    before = broker.status.condition(ConditionType.TIMEOUTS_AGREE)
    return [] if before is None else [before.to_object()]


def _taken(broker: Broker, findings: Findings) -> str:
    """A pod renews what it holds four times in a timeout, so whoever takes it has waited for less than a quarter."""
    ours = broker.spec.visibility_timeout
    who = f"such as {', '.join(findings.others)}" if findings.others else "or a producer's script"
    return (
        f"During the last hour {findings.taken} messages were given to others while pods worked on them, so those"
        f" tasks run twice. Another worker on this database, {who}, has a visibility_timeout of less than"
        f" {format_duration(ours / 4)}; this Broker's is {format_duration(ours)}. Set it to the same in"
        " broker_transport_options of that worker's app, or give it a database of its own."
    )
