"""What one reconciliation does, decided before any of it is done.

Everything here prints without the content of objects: a Secret is one of them. Pure.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from taskfleet.api import Key, Object
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.api.reasons import ConditionType, Reason
from taskfleet.api.stored import condition_of
from taskfleet.brokers.failures.failed_task import Request as FailedTasksRequest
from taskfleet.brokers.recovery.dead_letter import Request as RequeueRequest
from taskfleet.controllers.conditions import Reasoned
from taskfleet.controllers.request_results import FailedTasksResult, RequestResult
from taskfleet.kube.event import Event
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.errors import SpecError
from taskfleet.resources.refusals import Written


class PodTemplate(StrEnum):
    """Which version of the operator built the pod template of a pool."""

    CURRENT = ""  # this one
    KEPT = "keeps the pod template of another version"
    ROLLED = "takes its turn to get the pod template of this version"


@dataclass(frozen=True)
class WrittenPolicy:
    """Where the user wrote the peers that end each list of peers of a NetworkPolicy: in `policy`, found at `base`."""

    policy: NetworkPolicy | None
    base: str


@dataclass(frozen=True, repr=False)
class Apply:
    """A child that is to hold everything that `built` says. `written`: whose fields a rejection names."""

    built: Object
    written: Written | WrittenPolicy | None = None
    # Memory knows no such child. If there is one all the same, the plan is made again with it.
    new: bool = False
    # A new one is created from this, with its size, before `built` is applied.
    seed: Object | None = None
    # Created first where it does not exist. An existing one stays as it is, because it is immutable.
    claim: Object | None = None
    template: PodTemplate = PodTemplate.CURRENT
    # What `built` does not have yet, and what it waits for.
    waits: str | None = None
    # `live` is the child, as it was read by name for the plan. Else it is found when the plan is executed.
    read: bool = False
    live: Object | None = None

    @property
    def key(self) -> Key:
        return key_of(self.built)

    def __repr__(self) -> str:
        size = f"create with {self.seed['spec']['replicas']} pods" if self.seed is not None else ""
        claim = f"after {key_of(self.claim)}" if self.claim is not None else ""
        notes = ", ".join(filter(None, (size, claim, self.template, self.waits)))
        return f"apply {self.key}" + (f" ({notes})" if notes else "")


@dataclass(frozen=True, repr=False)
class Remove:
    """A child that is not to be there. One of another owner stays."""

    key: Key

    def __repr__(self) -> str:
        return f"remove {self.key}"


Child = Apply | Remove


@dataclass(frozen=True, repr=False)
class CreateBroker:
    """The Broker `default`, for the objects that refer to it."""

    broker: Key

    def __repr__(self) -> str:
        return f"create {self.broker}"


@dataclass(frozen=True, repr=False)
class RequeueDeadLetters:
    """Of a pool's queues on its broker; or remove them."""

    pool: Key
    pool_uid: str
    broker: Key
    queues: tuple[str, ...]
    request: RequeueRequest
    user: str = ""  # who requests it

    def __repr__(self) -> str:
        what = "forget" if self.request.forget else "requeue"
        return f"{what} dead letters of {self.pool} on {self.broker}"


@dataclass(frozen=True, repr=False)
class HandleFailedTasks:
    """Retry or forget failed tasks of a pool. `retention`: seconds that they are kept."""

    pool: Key
    pool_uid: str
    broker: Key
    request: FailedTasksRequest
    retention: float
    user: str = ""  # who requests it

    def __repr__(self) -> str:
        return f"{self.request.action.lower()} failed tasks of {self.pool} on {self.broker}"


@dataclass(frozen=True, repr=False)
class PurgeQueue:
    """Remove the messages that wait in the queue of a TaskQueue."""

    task_queue: Key
    uid: str
    broker: Key
    queue: str
    token: str
    user: str = ""  # who requests it

    def __repr__(self) -> str:
        return f"purge queue {self.queue!r} on {self.broker}"


@dataclass(frozen=True, repr=False)
class DeletePod:
    """A pod that its controller does not replace by itself."""

    pod: Key
    uid: str

    def __repr__(self) -> str:
        return f"delete {self.pod}"


@dataclass(frozen=True, repr=False)
class GrowVolume:
    """At least this size for a claim, where it exists."""

    claim: Key
    size: str

    def __repr__(self) -> str:
        return f"grow {self.claim} to {self.size}"


Request = CreateBroker | RequeueDeadLetters | HandleFailedTasks | PurgeQueue | DeletePod | GrowVolume


@dataclass(frozen=True)
class Problem:
    """What keeps an object from its spec. `final`: only another spec helps."""

    why: Reasoned
    final: bool


@dataclass(frozen=True, repr=False)
class Plan:
    """Carried out in the order of the fields; what is empty is left out."""

    children: tuple[Child, ...] = ()
    problem: Problem | None = None  # ends the plan after the children: no requests
    requests: tuple[Request, ...] = ()
    # Of users' requests for which nothing is to be done, now or at all.
    results: tuple[RequestResult | FailedTasksResult, ...] = ()
    status: Object | None = None  # None: stays as it is
    events: tuple[Event, ...] = ()  # recorded once the status is written
    look_again: float | None = None  # seconds until something may have changed that no watch reports

    def __repr__(self) -> str:
        return "; ".join(self.lines()) or "nothing to do"

    def lines(self) -> Iterable[str]:
        """Each step in words, in order."""
        yield from map(repr, self.children)
        if self.problem is not None:
            yield f"stop: {self.problem.why[0]}: {self.problem.why[1]}"
        yield from map(repr, (*self.requests, *self.results))
        if self.status is not None:
            yield f"report {_verdict(self.status)}"
        yield from (f"record {event.severity} {event.reason}: {event.message}" for event in self.events)
        if self.look_again is not None:
            yield f"look again in {self.look_again:.0f} s"


@dataclass(frozen=True)
class Outcome:
    """What came of the children and requests of a plan. `live`: the applied children."""

    problem: Problem | None = None
    live: tuple[Object, ...] = ()
    refused: str | None = None  # a request whose refusal keeps nothing else, and why
    results: tuple[RequestResult | FailedTasksResult, ...] = ()

    @property
    def result(self) -> RequestResult | None:
        """Of the one purge or requeue, where there was one."""
        return self._dead_letters(forget=False)

    @property
    def forgotten(self) -> RequestResult | None:
        """Of the one request to remove dead letters, where there was one."""
        return self._dead_letters(forget=True)

    def _dead_letters(self, *, forget: bool) -> RequestResult | None:
        found = (one for one in self.results if isinstance(one, RequestResult) and one.forget is forget)
        return next(found, None)

    @property
    def failed_tasks(self) -> FailedTasksResult | None:
        """Of the one request about failed tasks, where there was one."""
        return next((one for one in self.results if isinstance(one, FailedTasksResult)), None)


def children_in_order(builders: Iterable[Callable[[], Child]]) -> Plan:
    """The children up to the first that cannot be built, and why it cannot."""
    children: list[Child] = []
    for build in builders:
        try:
            children.append(build())
        except SpecError as error:
            return Plan(tuple(children), problem=invalid_spec(str(error)))
    return Plan(tuple(children))


def invalid_spec(why: str) -> Problem:
    return Problem((Reason.INVALID_SPEC, why[:1000]), final=True)


def soonest(*seconds: float | None) -> float | None:
    """The least of the times that are there."""
    return min((each for each in seconds if each is not None), default=None)


def _verdict(status: Object) -> str:
    ready = condition_of({"status": status}, ConditionType.READY)
    return "no Ready condition" if ready is None else f"Ready={ready['status']} {ready['reason']}"
