"""What the operator writes into the status of a WorkerPool."""

from typing import Annotated, Literal

from pydantic import Field

from taskfleet.api.base import Model, Timestamp
from taskfleet.api.conditions import Status
from taskfleet.api.pool_type import PoolType
from taskfleet.api.quantities import Count
from taskfleet.api.requests import UserName
from taskfleet.api.schema import FollowsLoad, Limits

MAX_TOKEN = 64
MAX_DECISIONS = 5
VersionText = Annotated[str, Limits(maxLength=64)]


class Decision(Model):
    """A scaling decision."""

    time: Timestamp
    """When the decision was made."""

    from_replicas: Count = Field(validation_alias="from", serialization_alias="from")
    """The number of pods before."""

    to: Count
    """The desired number of pods."""

    reason: str
    """The reason for the decision, one word."""

    message: str
    """The calculation of the number."""


class HandledDeadLetters(Model):
    """The result of a request to requeue or remove dead letters."""

    token: Annotated[str, Limits(maxLength=MAX_TOKEN)]
    """The first word of the annotation that requested it."""

    time: Timestamp
    """When the request was handled."""

    messages: Count
    """The number of messages that were requeued or removed."""

    requested_by: UserName | None = None
    """Who requested it, as the annotation taskfleet.dev/requested-by says."""


class HandledFailedTasks(Model):
    """The result of a request to retry or forget failed tasks."""

    token: Annotated[str, Limits(maxLength=MAX_TOKEN)]
    """The first word of the annotation taskfleet.dev/failed-tasks."""

    time: Timestamp
    """When the request was handled."""

    action: Literal["Retry", "Forget"] | None = None
    """What was requested."""

    tasks: Count = 0
    """The number of tasks that were sent again or forgotten."""

    chord_members: Count = 0
    """The number of tasks that were left because they are members of a chord."""

    without_message: Count = 0
    """The number of tasks that were left because their message was not kept."""

    refused: Annotated[str, Limits(maxLength=1000)] | None = None
    """Why nothing was done."""

    requested_by: UserName | None = None
    """Who requested it, as the annotation taskfleet.dev/requested-by says."""


class ObservedWorker(Model):
    """What came of the spec and of the app's own configuration, by the word of the newest pod."""

    celery_version: VersionText
    """The version of Celery in the image."""

    kombu_version: VersionText
    """The version of kombu in the image."""

    python_version: VersionText
    """The version of Python in the image."""

    pool: PoolType
    """The pool that runs the tasks."""

    capacity: Count
    """The number of tasks that a pod runs at once at most."""

    queues: Annotated[list[Annotated[str, Limits(maxLength=200)]], Limits(maxItems=100)] = []
    """The queues that a pod consumes."""

    acks_late: bool
    """Whether tasks are acknowledged after they end, unless they say otherwise themselves."""

    prefetch_count: Count
    """The number of messages that a pod takes at once, running ones included; 0 means no limit."""

    inputs_hash: Annotated[str, Limits(maxLength=64)]
    """A digest of the settings that the pod was started with: with other ones the pool has to learn again."""


class WorkerPoolStatus(Status):
    """The observed state of the pool, and the last scaling decision."""

    replicas: Annotated[Count, FollowsLoad()] = 0
    """Pods that exist."""

    ready_replicas: Annotated[Count, FollowsLoad()] = 0
    """Pods that are ready."""

    selector: str | None = None
    """The label selector of the pods, for the scale subresource."""

    desired_replicas: Count | None = None
    """The desired number of pods."""

    busy_replicas: Annotated[Count | None, FollowsLoad()] = None
    """Pods that run a task."""

    draining_replicas: Annotated[Count | None, FollowsLoad()] = None
    """Pods that finish their tasks and fetch no new ones."""

    waiting: Annotated[Count | None, FollowsLoad()] = None
    """Waiting messages in the pool's queues."""

    in_flight: Annotated[Count | None, FollowsLoad()] = None
    """Messages that the pool's pods hold, running or prefetched."""

    requeued: Annotated[Count | None, FollowsLoad()] = None
    """Messages that were requeued because the pod that held them ended."""

    dead_letters: Annotated[Count | None, FollowsLoad()] = None
    """Messages in the <queue>.dead lists: each crashed its worker more than 5 times."""

    last_failed_tasks: HandledFailedTasks | None = None
    """The last request about failed tasks, as by `kubectl taskfleet failed --retry`."""

    last_requeue: HandledDeadLetters | None = None
    """The last request to requeue dead letters, as by `kubectl taskfleet dead --requeue`."""

    last_forget: HandledDeadLetters | None = None
    """The last request to remove dead letters, as by `kubectl taskfleet dead --forget`."""

    notes: Annotated[list[Annotated[str, Limits(maxLength=300)]], Limits(maxItems=10), FollowsLoad()] = []
    """What the pods report, such as tasks that set acks_late to False themselves."""

    worker: ObservedWorker | None = None
    """What the workers run: versions, pool, capacity and queues. Scaling uses it where the spec leaves a field to the
    app."""

    runtime_version: str | None = None
    """The version of the Taskfleet runtime in the worker pods."""

    last_decision: Decision | None = None
    """The last decision about the size."""

    decisions: Annotated[list[Decision], Limits(maxItems=MAX_DECISIONS)] = []
    """The last decisions about the size, up to five, the oldest first."""
