"""The status of a Broker, from what was seen. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from taskfleet.api import Broker, Credentials, Object
from taskfleet.api.reasons import BrokerReason
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.brokers.recovery.findings import Findings
from taskfleet.controllers.broker_findings import (
    NOTHING_FOUND,
    finding_fields,
    reports_valid,
    visibility_timeouts_match,
)
from taskfleet.controllers.broker_memory import memory_condition, memory_in_use
from taskfleet.controllers.broker_support import broker_support
from taskfleet.controllers.conditions import Reasoned, ready, reconciling, stalled
from taskfleet.controllers.pod_trouble import Trouble, trouble
from taskfleet.resources.broker_names import broker_name

_REASONS = {
    Verdict.REACHABLE: BrokerReason.REACHABLE,
    Verdict.UNREACHABLE: BrokerReason.UNREACHABLE,
    Verdict.AUTHENTICATION_FAILED: BrokerReason.AUTHENTICATION_FAILED,
    Verdict.TLS_FAILED: BrokerReason.TLS_FAILED,
    Verdict.READ_ONLY: BrokerReason.READ_ONLY,
}
_OWN_CONNECTIONS = 3  # so many of the operator's own come and go for each Broker
_UNCHECKED = " TLS verification is off (insecureSkipVerify): the password and tasks can be intercepted."


@dataclass(frozen=True)
class BrokerSeen:
    """A Broker and what there is of it."""

    broker: Broker
    endpoint: str | None = None
    binding: str | None = None  # name of the Secret to connect with
    credentials: Credentials | None = None  # external: the Secrets that lead to it
    unchecked: bool = False  # its certificate may be anybody's
    probe: Probe | None = None  # None: not probed yet
    stalled: Reasoned | None = None
    schedules_problem: Reasoned | None = None  # what is wrong with spec.schedules
    problem: Reasoned | None = None  # why the broker cannot be probed
    starting: bool = False  # managed: the Redis pod is not ready
    pods: list[Object] = field(default_factory=list)  # of a Redis that starts
    too_small: str | None = None  # what keeps its volume from growing
    waits: str | None = None  # for which turn its image waits
    findings: Findings | None = None  # of the last maintenance scan
    capabilities: Capabilities | None = None  # None: not known yet
    reading_problem: str | None = None  # what fails although it answers, and why
    polls_because: str | None = None  # why it is polled; None: it announces changes, or that is not known
    sharers: int = 1  # Brokers that lead to the same server
    expired: int = 0  # expired messages requeued since the status was last written

    @property
    def unknown(self) -> bool:
        """Whether an answer is expected and the next probe should find it."""
        return (
            self.probe is None
            and self.reading_problem is None
            and not self.starting
            and self.stalled is None
            and self.problem is None
        )


def broker_status(seen: BrokerSeen, *, now: datetime) -> Object:
    generation = seen.broker.metadata.generation
    found = trouble(seen.pods, now=now)
    stall = seen.stalled or ((found.reason, found.message) if found is not None and found.stalls else None)
    problem = stall or seen.problem or _problem(seen, found)
    probe = seen.probe
    product = probe.product if probe is not None else "Redis"
    version = f"{product} {probe.version}" if probe and probe.version else product
    unchecked = _UNCHECKED if seen.unchecked else ""
    polled = f" The operator polls it because {seen.polls_because}." if seen.polls_because is not None else ""
    fine = (BrokerReason.REACHABLE, f"{version} at {seen.endpoint} is reachable.{unchecked}{polled}")
    changing = seen.too_small or ("The Redis pod is starting." if seen.starting else seen.waits)
    same_server = seen.broker.status.endpoint in (None, seen.endpoint)
    known = seen.broker if same_server else _of_another_server(seen.broker)
    return {
        "observedGeneration": generation,
        "endpoint": seen.endpoint,
        "version": probe.version if probe else None,
        "memory": memory_in_use(seen.broker, probe, sharers=seen.sharers),
        "clients": _clients(seen.broker, probe, seen.sharers),
        "binding": {"name": seen.binding} if seen.binding else None,
        "credentials": seen.credentials.to_object() if seen.credentials is not None else None,
        **({} if same_server else NOTHING_FOUND),
        **finding_fields(seen.broker, seen.findings, requeued=seen.expired),
        "conditions": [
            ready(problem is None, *(problem or fine), generation=generation),
            reconciling(None if stall else changing, generation=generation),
            stalled(stall or seen.schedules_problem, generation=generation),
            *visibility_timeouts_match(known, seen.findings),
            *reports_valid(seen.broker, seen.findings),
            *memory_condition(known, probe),
            *broker_support(seen.broker, seen.capabilities),
        ],
    }


def _of_another_server(broker: Broker) -> Broker:
    """Without what is known of the former server, which would stay until the new one has been probed."""
    return broker.model_copy(update={"status": broker.status.model_copy(update={"conditions": []})})


def _clients(broker: Broker, probe: Probe | None, sharers: int) -> int | None:
    """For people: the figure stays as it is shown while it is nearly right, or a restarted operator would correct it."""
    if probe is None or probe.clients is None:
        return None
    shown = broker.status.clients
    same = shown is not None and abs(shown - probe.clients) <= _OWN_CONNECTIONS * sharers
    return shown if same else probe.clients


def _problem(seen: BrokerSeen, found: Trouble | None) -> Reasoned | None:
    if found is not None:
        return found.reason, found.message
    if seen.starting:
        return BrokerReason.STARTING, "The Redis pod is starting."
    if seen.reading_problem is not None and (seen.probe is None or seen.probe.verdict is Verdict.REACHABLE):
        return BrokerReason.POLL_FAILED, (
            f"{seen.endpoint}: {seen.reading_problem}. The operator retries, and its pools keep "
            "their sizes. Check whether the URL names the right broker, and which other clients "
            "write to it."
        )
    if seen.probe is None:
        return BrokerReason.STARTING, f"The operator is connecting to {seen.endpoint}."
    if seen.probe.verdict is Verdict.REACHABLE:
        return None
    return _REASONS[
        seen.probe.verdict
    ], f"{seen.endpoint}: {seen.probe.detail} {_advice(seen, seen.probe.verdict)}"


def _advice(seen: BrokerSeen, verdict: Verdict) -> str:
    if verdict is Verdict.UNREACHABLE:
        return (
            "Check the address, the scheme (rediss:// and amqps:// for TLS), the network policies, "
            "and that the server is running."
        )
    if verdict is Verdict.TLS_FAILED:
        return "Correct spec.external.caSecretRef, clientCertificateSecretRef or the server's certificate."
    if verdict is Verdict.READ_ONLY:
        return "Use the master's address, or Sentinels."
    if seen.broker.spec.managed:
        return f"Delete pod {broker_name(seen.broker.name)}-0: Redis reads its password when it starts."
    external = seen.broker.spec.external
    if external is not None and external.scheme is not None:
        return "Correct spec.external.username and the Secret of spec.external.passwordSecretRef."
    return "Correct the URL in the Secret."
