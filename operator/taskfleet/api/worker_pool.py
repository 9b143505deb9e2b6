"""WorkerPool: one Celery app, its pool and queues, and how far it scales."""

from datetime import timedelta
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from taskfleet.api.base import Model, Resource, Timestamp
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, Status
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.api.pod import IMAGE_RULE, AnyObject, EnvFrom, EnvVar, Resources
from taskfleet.api.quantities import Duration, MemorySize, PositiveDuration, parse_quantity
from taskfleet.api.queue_name import QueueName
from taskfleet.api.references import BrokerRef, ObjectName, SecretKeyRef
from taskfleet.api.schema import Column, Limits, Rule, Scale
from taskfleet.api.worker_flags import ARGUMENT_RULES

PoolType = Literal["prefork", "threads", "gevent", "eventlet", "solo"]
Argument = Annotated[str, Limits(minLength=1, maxLength=1000), *ARGUMENT_RULES]

# Celery needs up to 45 s after the last task: 32 s for a stalled prefork pool, the rest for its connections.
STOP_MARGIN = timedelta(seconds=45)
DEFAULT_GRACE = timedelta(minutes=10)
PERSISTENT_SCHEDULER = "celery.beat:PersistentScheduler"
DEFAULT_CONCURRENCY = {"threads": 10, "gevent": 100, "eventlet": 100, "solo": 1}


def _for_pools(field: str, *pools: str) -> Rule:
    """Refuse a field on the pools that ignore it."""
    *others, last = pools
    choice = f"{', '.join(others)} or {last}" if others else last
    return Rule(
        f"!has(self.{field}) || self.pool in {list(pools)}",
        f"pool {{self.pool}} ignores {field}: remove it, or use pool {choice}.",
        field=field,
    )


class Autoscale(Model):
    """How the number of pods follows the queue."""

    rules = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "minReplicas is {self.minReplicas}, above maxReplicas {self.maxReplicas}: "
            "lower minReplicas or raise maxReplicas.",
            field="minReplicas",
        ),
    )

    min_replicas: Annotated[int, Limits(minimum=0)] = 0
    """The fewest pods, also with nothing to do."""

    max_replicas: Annotated[int, Limits(minimum=0, maximum=10000)]
    """The most pods, whatever waits."""

    keepalive: Duration = timedelta(seconds=30)
    """How long the load has to stay lower before pods go, as Celery's AUTOSCALE_KEEPALIVE."""

    target_wait: PositiveDuration | None = None
    """The longest that a task should wait, such as 30s. Without it every waiting task gets a slot of its
    own, as with Celery's --autoscale."""

    prewarm: bool = True
    """Starts the first pod of a pool at zero before a PeriodicSchedule of one of its queues is due, so that it is
    ready then. How long a start takes is learned; at most 60s before."""

    mode: Literal["Auto", "Recommend", "Hold"] = "Auto"
    """Auto scales. Recommend decides and reports but changes nothing. Hold keeps the size as it is."""


class ProcessAutoscale(Model):
    """Celery's own --autoscale inside each pod."""

    rules = (
        Rule(
            "self.min <= self.max", "min is {self.min}, above max {self.max}: lower min or raise max.", "min"
        ),
    )

    min: Annotated[int, Limits(minimum=1, maximum=10000)]
    """The fewest processes of a pod."""

    max: Annotated[int, Limits(minimum=1, maximum=10000)]
    """The most processes of a pod; the pod's capacity."""


class BrokerDatabase(Model):
    """A database of the pool's own Redis."""

    database: Annotated[int, Limits(minimum=0, maximum=15)]
    """The database's number. 0 is the one that holds the queues."""


class ResultBackend(Model):
    """Where results are kept."""

    rules = (
        Rule(
            "has(self.urlSecretRef) != has(self.broker)",
            "resultBackend needs exactly one of urlSecretRef and broker: set one, or remove resultBackend.",
        ),
    )

    url_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds a result backend URL."""

    broker: BrokerDatabase | None = None
    """A database of the pool's Broker, which has to be a Redis."""


class BeatStorage(Model):
    """The volume that keeps the file of celery.beat:PersistentScheduler."""

    size: MemorySize = "100Mi"
    """The volume's size; it cannot change."""

    storage_class_name: ObjectName | None = None
    """The storage class; by default the cluster's own default. It cannot change."""

    retain_on_delete: bool = True
    """Keeps the volume when the WorkerPool is deleted. A new one of the same name goes on where it ended."""


class Beat(Model):
    """The app's own `celery beat`, one process for the whole pool."""

    switch = True

    scheduler: Annotated[str, Limits(minLength=1, maxLength=253)] = PERSISTENT_SCHEDULER
    """The scheduler class, as in `celery beat --scheduler`. For django-celery-beat it is
    django_celery_beat.schedulers:DatabaseScheduler."""

    storage: BeatStorage = BeatStorage()
    """The volume for the file of celery.beat:PersistentScheduler; no other scheduler gets one."""

    @property
    def persistent(self) -> bool:
        """Whether its scheduler keeps a file of when each task was last sent."""
        return self.scheduler == PERSISTENT_SCHEDULER


class WorkerPoolSpec(Model):
    """What should run."""

    rules = (
        # A replicas that was already there when autoscale came is tolerated: `kubectl scale` or an older
        # manifest wrote it, and nobody reads it beside autoscale.
        Rule(
            "!has(self.autoscale) || !has(self.replicas) || (oldSelf.hasValue()"
            " && has(oldSelf.value().replicas) && oldSelf.value().replicas == self.replicas)",
            "replicas and autoscale exclude each other: remove replicas to let autoscale decide the size, "
            "or remove autoscale to fix it.",
            field="replicas",
            optional_old_self=True,
        ),
        Rule(
            "!has(self.processAutoscale) || !has(self.concurrency)",
            "concurrency and processAutoscale exclude each other: remove concurrency; "
            "processAutoscale.max is what a pod runs at once.",
            field="concurrency",
        ),
        Rule(
            "self.pool != 'solo' || !has(self.concurrency) || self.concurrency == 1",
            "pool solo runs one task at a time: remove concurrency, or use pool prefork.",
            field="concurrency",
        ),
        Rule(
            "!has(self.softTimeLimit) || !has(self.timeLimit)"
            " || duration(self.softTimeLimit) <= duration(self.timeLimit)",
            "softTimeLimit is {self.softTimeLimit}, above timeLimit {self.timeLimit}: "
            "lower softTimeLimit or raise timeLimit.",
            field="softTimeLimit",
        ),
        _for_pools("processAutoscale", "prefork", "gevent", "eventlet"),
        _for_pools("timeLimit", "prefork", "gevent"),
        _for_pools("softTimeLimit", "prefork"),
        _for_pools("maxTasksPerChild", "prefork"),
        _for_pools("maxMemoryPerChild", "prefork"),
    )

    app: Annotated[str, Limits(minLength=1, maxLength=253)]
    """The Celery application, as in `celery -A`."""

    image: Annotated[str, Limits(minLength=1, maxLength=1000), IMAGE_RULE]
    """An image with Python, Celery and the app. It needs nothing of Taskfleet's."""

    python: Annotated[str, Limits(minLength=1, maxLength=253)] = "python"
    """The Python interpreter in the image, a name on its PATH or a full path."""

    pool: PoolType = "prefork"
    """How a worker runs its tasks, as in `celery worker --pool`: prefork for CPU-bound work, threads,
    gevent or eventlet for work that waits, solo for one task at a time in the main process."""

    concurrency: Annotated[int, Limits(minimum=1, maximum=10000)] | None = None
    """Tasks that a pod runs at once, as in `celery worker --concurrency`. By default prefork takes the CPU
    limit rounded up, or 1; threads 10; gevent and eventlet 100; solo 1."""

    queues: Annotated[
        list[QueueName],
        Limits(minItems=1, maxItems=100),
        Rule("self.all(x, self.exists_one(y, x == y))", "a queue is listed twice: list each queue once."),
    ] = ["celery"]
    """The queues to consume. With queueOrder Strict the first has the highest priority."""

    queue_order: Literal["Strict", "RoundRobin"] = "Strict"
    """Strict takes from a queue only when those to its left are empty. RoundRobin takes turns."""

    broker_ref: BrokerRef = BrokerRef()
    """The Broker that holds the queues."""

    replicas: Annotated[int, Limits(minimum=0, maximum=10000)] | None = None
    """A fixed number of pods, for pools without autoscale. With neither there is 1 pod."""

    autoscale: Autoscale | None = None
    """Lets the number of pods follow the queue. Excludes replicas."""

    process_autoscale: ProcessAutoscale | None = None
    """Lets each pod change its number of processes, as `celery worker --autoscale`. Excludes concurrency;
    for prefork, gevent and eventlet."""

    time_limit: PositiveDuration | None = None
    """A task that runs longer is killed; Celery's task_time_limit. For prefork and gevent."""

    soft_time_limit: PositiveDuration | None = None
    """A task that runs longer gets SoftTimeLimitExceeded; Celery's task_soft_time_limit. For prefork."""

    termination_grace_period: PositiveDuration | None = None
    """How long a stopping pod may finish its tasks before it is killed. By default timeLimit plus 45s,
    without a timeLimit 10m."""

    acknowledge: Literal["Late", "App", "Early"] = "Late"
    """When a message is acknowledged. Late: after its task, for every app and task that does not set
    acks_late itself, so that a lost pod loses no task. App: as the app says. Early: before its task."""

    prefetch_multiplier: Annotated[int, Limits(minimum=0, maximum=10000)] | None = None
    """Messages that a pod fetches ahead for each task it can run at once; 0 is no limit. By default
    prefork and threads fetch nothing ahead, gevent and eventlet take 2."""

    max_tasks_per_child: Annotated[int, Limits(minimum=1)] | None = None
    """A process is replaced after this many tasks. For prefork."""

    max_memory_per_child: MemorySize | None = None
    """A process is replaced after a task when it holds more memory than this, such as 400Mi. For prefork."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """How much the worker logs."""

    extra_args: Annotated[list[Argument], Limits(maxItems=50)] = []
    """More arguments of `celery worker`. Flags that a field of this spec sets are refused."""

    env: Annotated[
        list[EnvVar],
        Limits(**{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "maxItems": 500}),
    ] = []
    """Environment variables of the worker."""

    env_from: Annotated[list[EnvFrom], Limits(maxItems=100)] = []
    """ConfigMaps and Secrets whose keys become environment variables of the worker."""

    resources: Resources = Resources()
    """CPU and memory of the worker container."""

    result_backend: ResultBackend | None = None
    """Where results are kept. By default the app's own setting holds."""

    beat: Beat | None = None
    """Runs the app's own periodic tasks, in one process beside the pool. Workers of other pools may execute them."""

    network_policy: NetworkPolicy | None = None
    """Lets nobody connect to the pool's workers and its beat but whom you admit. The probes of the kubelet need no
    admission. By default there is none."""

    suspend: bool = False
    """Drains the pool to zero pods and keeps it there; its beat stops too."""

    template: AnyObject = {}
    """A pod template that is merged over the one the operator builds, as `kubectl patch` would: sidecars,
    volumes, affinity, security context. The worker's container is named worker."""

    @property
    def effective_concurrency(self) -> int:
        """Tasks that a pod runs at once without processAutoscale."""
        if self.concurrency is not None:
            return self.concurrency
        if self.pool == "prefork":
            return max(1, ceil(parse_quantity(self.resources.limits.get("cpu", 1))))
        return DEFAULT_CONCURRENCY[self.pool]

    @property
    def capacity(self) -> int:
        """Tasks that a pod runs at once at most."""
        return self.process_autoscale.max if self.process_autoscale else self.effective_concurrency

    @property
    def effective_grace_period(self) -> timedelta:
        """How long a stopping pod may finish its tasks."""
        if self.termination_grace_period is not None:
            return self.termination_grace_period
        return DEFAULT_GRACE if self.time_limit is None else self.time_limit + STOP_MARGIN

    @property
    def effective_queues(self) -> tuple[str, ...]:
        """The queues to consume, never empty."""
        return tuple(self.queues) or ("celery",)

    @property
    def fixed_size(self) -> int | None:
        """The wanted number of pods; None while autoscale decides it."""
        if self.suspend:
            return 0
        if self.autoscale is not None:
            return None
        return 1 if self.replicas is None else self.replicas


class Decision(Model):
    """A decision about the pool's size."""

    time: Timestamp
    """When it was made."""

    from_replicas: Annotated[int, Limits(minimum=0)] = Field(
        validation_alias="from", serialization_alias="from"
    )
    """The number of pods before."""

    to: Annotated[int, Limits(minimum=0)]
    """The number of pods wanted."""

    reason: str
    """One word: what decided."""

    message: str
    """The sum behind the number."""


MAX_TOKEN = 64


class Requeue(Model):
    """What became of a request to move messages back from the dead letters."""

    token: Annotated[str, Limits(maxLength=MAX_TOKEN)]
    """The first word of the annotation taskfleet.dev/requeue."""

    time: Timestamp
    """When it was carried out."""

    messages: Annotated[int, Limits(minimum=0)]
    """How many messages went back to their queues."""


class WorkerPoolStatus(Status):
    """What was seen and decided."""

    replicas: Annotated[int, Limits(minimum=0)] = 0
    """Pods that exist."""

    ready_replicas: Annotated[int, Limits(minimum=0)] = 0
    """Pods that consume."""

    selector: str | None = None
    """The label selector of the pods, for the scale subresource."""

    desired_replicas: Annotated[int, Limits(minimum=0)] | None = None
    """Pods that were decided on."""

    busy_replicas: Annotated[int, Limits(minimum=0)] | None = None
    """Pods that run a task."""

    draining_replicas: Annotated[int, Limits(minimum=0)] | None = None
    """Pods that finish their tasks and fetch no more."""

    waiting: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that wait in the pool's queues."""

    in_flight: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that the pool's pods hold: running and prefetched."""

    requeued: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that went back to their queues because the pod that held them had died."""

    dead_letters: Annotated[int, Limits(minimum=0)] | None = None
    """Messages in the <queue>.dead lists: each took its process, container or pod with it too often."""

    last_requeue: Requeue | None = None
    """The last request to move them back; `kubectl taskfleet dead --requeue` makes one."""

    notes: Annotated[list[Annotated[str, Limits(maxLength=300)]], Limits(maxItems=10)] = []
    """What the pods say about themselves, such as the tasks that acknowledge early by their own wish."""

    runtime_version: str | None = None
    """The version of Taskfleet's part in the worker pods."""

    last_decision: Decision | None = None
    """The last decision about the size."""


class WorkerPool(Resource):
    """One Celery app as a fleet of workers: its pool, its queues, and how far it scales."""

    columns = (
        Column("Pool", ".spec.pool"),
        Column("Desired", ".status.desiredReplicas", "integer"),
        Column("Ready", ".status.readyReplicas", "integer"),
        Column("Busy", ".status.busyReplicas", "integer"),
        Column("Waiting", ".status.waiting", "integer"),
        Column("Status", READY_REASON),
        Column("In-Flight", ".status.inFlight", "integer", wide=True),
        Column("Draining", ".status.drainingReplicas", "integer", wide=True),
        Column("Min", ".spec.autoscale.minReplicas", "integer", wide=True),
        Column("Max", ".spec.autoscale.maxReplicas", "integer", wide=True),
        Column("Queues", ".spec.queues", wide=True),
        Column("Broker", ".spec.brokerRef.name", wide=True),
        Column("App", ".spec.app", wide=True),
        Column("Image", ".spec.image", wide=True),
        Column("Runtime", ".status.runtimeVersion", wide=True),
        Column("Decision", ".status.lastDecision.message", wide=True),
        Column("Message", READY_MESSAGE, wide=True),
    )
    scale = Scale(".spec.replicas", ".status.replicas", ".status.selector")

    spec: WorkerPoolSpec
    """What should run."""

    status: WorkerPoolStatus = WorkerPoolStatus()
    """What was seen and decided; written by the operator."""
