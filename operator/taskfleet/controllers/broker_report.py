"""What is reported of a Broker: its status, the events that are new in it, and when to look again. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from taskfleet.api import Object
from taskfleet.api.reasons import BrokerReason, ConditionType
from taskfleet.api.stored import status_of
from taskfleet.controllers.broker_findings import finding_events
from taskfleet.controllers.broker_memory import memory_events
from taskfleet.controllers.broker_status import BrokerSeen, broker_status
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.plan import Apply, Outcome, Plan, Problem, soonest
from taskfleet.controllers.pod_trouble import patience
from taskfleet.kube.event import Event, Severity
from taskfleet.resources.broker_names import connection_secret_name

_NEXT_TURN_SECONDS = 2.0  # no event tells a waiting Redis that the previous one has started
_LOOKED = (
    BrokerReason.REACHABLE,
    BrokerReason.UNREACHABLE,
    BrokerReason.AUTHENTICATION_FAILED,
    BrokerReason.TLS_FAILED,
    BrokerReason.READ_ONLY,
)


def with_problem(seen: BrokerSeen, problem: Problem) -> BrokerSeen:
    return replace(seen, stalled=problem.why) if problem.final else replace(seen, problem=problem.why)


def redis_seen(seen: BrokerSeen, plan: Plan, outcome: Outcome, pods: list[Object]) -> BrokerSeen:
    """What there is of a managed Redis once its plan was carried out, as far as it could be."""
    if outcome.problem is not None:
        return with_problem(seen, outcome.problem)
    (redis,), (child,) = outcome.live, plan.children
    starting = status_of(redis).get("readyReplicas", 0) < 1
    return replace(
        seen,
        binding=connection_secret_name(seen.broker.name),
        too_small=outcome.refused,
        waits=child.waits if isinstance(child, Apply) else None,
        starting=starting,
        pods=pods if starting else [],
    )


def schedules_seen(seen: BrokerSeen, problem: Problem | None) -> BrokerSeen:
    """What is wrong with the beat of its schedules. The broker itself works all the same."""
    return seen if problem is None else replace(seen, schedules_problem=problem.why)


def broker_report(raw: Object, seen: BrokerSeen, *, recheck: float, now: datetime) -> Plan:
    """`raw`: the Broker as it is stored. `recheck`: seconds until another look at what no watch reports."""
    if seen.unknown and reason_of(raw, ConditionType.READY) in _LOOKED:
        # The probe in progress will show; until then the last one holds.
        return Plan(look_again=recheck)
    status = broker_status(seen, now=now)
    return Plan(
        status=status,
        events=(
            *_verdict_event(raw, seen, status["conditions"][0]),
            *finding_events(raw, status, seen.expired),
            *memory_events(raw, status),
        ),
        look_again=soonest(recheck, patience(seen.pods, now=now), _NEXT_TURN_SECONDS if seen.waits else None),
    )


def _verdict_event(raw: Object, seen: BrokerSeen, verdict: Object) -> Iterator[Event]:
    """When the Ready condition gets another reason."""
    if reason_of(raw, ConditionType.READY) == verdict["reason"]:
        return
    fine = verdict["status"] == "True" or verdict["reason"] == BrokerReason.STARTING
    severity = Severity.NORMAL if fine and not seen.unchecked else Severity.WARNING
    yield Event(verdict["reason"], verdict["message"], severity)
