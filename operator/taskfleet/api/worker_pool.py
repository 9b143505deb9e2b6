"""WorkerPool: one Celery app, its pool and queues, and how far it scales."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from taskfleet.api.autoscale import Autoscale
from taskfleet.api.base import Model, Resource, Timestamp
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, Status
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.api.pod import IMAGE_RULE, EnvFrom, EnvVar, Resources
from taskfleet.api.pod_template import PodTemplate
from taskfleet.api.quantities import Count, MemorySize, PositiveDuration
from taskfleet.api.queue_name import QueueName
from taskfleet.api.recycle import Recycle
from taskfleet.api.references import BrokerRef, ObjectName, SecretKeyRef
from taskfleet.api.rollout import DisruptionBudget, Strategy
from taskfleet.api.schema import Column, FollowsLoad, Limits, Rule, Scale
from taskfleet.api.worker_flags import ARGUMENT_RULES

PoolType = Literal["prefork", "threads", "gevent", "eventlet", "solo"]
Argument = Annotated[str, Limits(minLength=1, maxLength=1000), *ARGUMENT_RULES]
Launcher = Annotated[list[Annotated[str, Limits(minLength=1, maxLength=2000)]], Limits(maxItems=20)]
FunctionName = Annotated[
    str,
    Limits(maxLength=253),
    Rule(
        "self.matches('^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$')",
        '"{self}" is not the name of a function: use package.module:function.',
    ),
]

# Celery needs up to 45 s after the last task: 32 s for a stalled prefork pool, the rest for its connections.
STOP_MARGIN = timedelta(seconds=45)
DEFAULT_GRACE = timedelta(minutes=10)
PERSISTENT_SCHEDULER = "celery.beat:PersistentScheduler"


def _for_pools(field: str, *pools: str) -> Rule:
    """Refuse a field on the pools that ignore it; the pod says it where the app decides the pool."""
    *others, last = pools
    choice = f"{', '.join(others)} or {last}" if others else last
    return Rule(
        f"!has(self.{field}) || !has(self.pool) || self.pool in {list(pools)}",
        f"pool {{self.pool}} does not support {field}: remove it, or use pool {choice}.",
        field=field,
    )


class ProcessAutoscale(Model):
    """Celery's own --autoscale inside each pod."""

    rules = (
        Rule(
            "self.min <= self.max", "min is {self.min}, above max {self.max}: lower min or raise max.", "min"
        ),
    )

    min: Annotated[int, Limits(minimum=1, maximum=10000)]
    """The minimum number of processes of a pod."""

    max: Annotated[int, Limits(minimum=1, maximum=10000)]
    """The maximum number of processes of a pod, which is the pod's capacity."""


class BrokerDatabase(Model):
    """A database of the pool's own Redis."""

    database: Annotated[int, Limits(minimum=0, maximum=15)]
    """The number of the database. Database 0 holds the queues."""


class ResultBackend(Model):
    """Where results are stored."""

    rules = (
        Rule(
            "has(self.urlSecretRef) != has(self.broker)",
            "resultBackend must have exactly one of urlSecretRef and broker: set one, or remove "
            "resultBackend.",
        ),
    )

    url_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds a result backend URL."""

    broker: BrokerDatabase | None = None
    """A database of the pool's Broker, which must be a Redis."""


class BeatStorage(Model):
    """The volume for the file of celery.beat:PersistentScheduler."""

    size: MemorySize = "100Mi"
    """The volume's size. It cannot change."""

    storage_class_name: ObjectName | None = None
    """The storage class; by default the cluster's own default. It cannot change."""

    retain_on_delete: bool = True
    """Keeps the volume when the WorkerPool is deleted. The beat of a new WorkerPool of the same name continues from
    it."""


class Beat(Model):
    """The app's own `celery beat`, one process for the whole pool."""

    switch = True

    scheduler: Annotated[str, Limits(minLength=1, maxLength=253)] | None = None
    """The scheduler class, as in `celery beat --scheduler`. For django-celery-beat it is
    django_celery_beat.schedulers:DatabaseScheduler. Defaults to the app's beat_scheduler."""

    app: Annotated[str, Limits(minLength=1, maxLength=253)] | None = None
    """The Celery application of beat. Defaults to the pool's."""

    launcher: Launcher | None = None
    """Words before the interpreter of beat. Defaults to the pool's; [] for none."""

    env: Annotated[
        list[EnvVar],
        Limits(**{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "maxItems": 500}),
    ] = []
    """Environment variables of beat in addition to the pool's; one of the same name replaces the pool's."""

    resources: Resources = Resources()
    """CPU and memory of beat. Defaults to requests of 10m CPU and 128Mi memory, without limits."""

    template: PodTemplate = {}
    """A pod template for beat in place of the pool's. By default beat has the pool's, without what spreads or gathers
    pods: podAffinity, podAntiAffinity and topologySpreadConstraints."""

    storage: BeatStorage = BeatStorage()
    """The volume for the file of celery.beat:PersistentScheduler. There is none if scheduler is another class."""

    @property
    def persistent(self) -> bool:
        """Whether its scheduler keeps a file of when each task was last sent, as Celery's default does."""
        return self.scheduler in (None, PERSISTENT_SCHEDULER)


class WorkerPoolSpec(Model):
    """The desired workers."""

    rules = (
        # A replicas that was already there when autoscale came is tolerated: `kubectl scale` or an older
        # manifest wrote it, and it is not used with autoscale.
        Rule(
            "!has(self.autoscale) || !has(self.replicas) || (oldSelf.hasValue()"
            " && has(oldSelf.value().replicas) && oldSelf.value().replicas == self.replicas)",
            "replicas and autoscale cannot both be set: remove replicas to scale automatically, "
            "or remove autoscale for a fixed size.",
            field="replicas",
            optional_old_self=True,
        ),
        Rule(
            "!has(self.processAutoscale) || !has(self.concurrency)",
            "concurrency and processAutoscale cannot both be set: remove concurrency. A pod runs "
            "up to processAutoscale.max tasks at once.",
            field="concurrency",
        ),
        Rule(
            "!has(self.pool) || self.pool != 'solo' || !has(self.concurrency) || self.concurrency == 1",
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
        Rule(
            "!has(self.queues) || !has(self.excludeQueues) || self.excludeQueues.size() == 0",
            "queues and excludeQueues cannot both be set: remove one.",
            field="excludeQueues",
        ),
        Rule(
            "!has(self.recycle) || !has(self.disruptionBudget) || !has(self.disruptionBudget.maxUnavailable)"
            " || !(string(self.disruptionBudget.maxUnavailable) in ['0', '0%']) || !has(self.strategy)"
            " || !((has(self.strategy.type) && self.strategy.type == 'Recreate')"
            " || (has(self.strategy.rollingUpdate) && has(self.strategy.rollingUpdate.maxSurge)"
            " && string(self.strategy.rollingUpdate.maxSurge) in ['0', '0%']))",
            "recycle can neither add nor take away a pod: raise disruptionBudget.maxUnavailable above 0, or use "
            "strategy RollingUpdate with maxSurge above 0.",
            field="recycle",
        ),
        Rule(
            "!has(self.resultBackend) || !has(self.env) || !self.env.exists(one, one.name == 'CELERY_RESULT_BACKEND')",
            "resultBackend sets CELERY_RESULT_BACKEND: remove the variable from env, or remove resultBackend.",
            field="env",
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
    """An image with Python, Celery and the app. It needs no part of Taskfleet."""

    python: Annotated[str, Limits(minLength=1, maxLength=253)] = "python"
    """The Python interpreter in the image: a name on the PATH or a full path."""

    launcher: Launcher = []
    """Words before the interpreter, for an image whose start sets something up, such as [opentelemetry-instrument] or
    [newrelic-admin, run-program]. A script must end with exec "$@", so that SIGTERM reaches the worker."""

    setup: Annotated[list[FunctionName], Limits(maxItems=20)] = []
    """Functions that are called in order before the app is imported, in workers and beat, as package.module:function."""

    pool: PoolType | None = None
    """How a worker runs its tasks, as in `celery worker --pool`: prefork for CPU-bound tasks; threads, gevent or
    eventlet for I/O-bound tasks; solo for one task at a time in the main process. Defaults to the app's worker_pool,
    else prefork."""

    concurrency: Annotated[int, Limits(minimum=1, maximum=10000)] | None = None
    """The number of tasks that a pod runs at once, as in `celery worker --concurrency`. Defaults to the app's
    worker_concurrency, else to the number of the node's CPUs, whatever the CPU limit."""

    queues: (
        Annotated[
            list[QueueName],
            Limits(minItems=1, maxItems=100),
            Rule("self.all(x, self.exists_one(y, x == y))", "a queue is listed twice: list each queue once."),
        ]
        | None
    ) = None
    """The queues to consume, as in `celery worker --queues`. With queueOrder Strict the first has the highest
    priority. Defaults to the app's task_queues, else its task_default_queue."""

    exclude_queues: Annotated[
        list[QueueName],
        Limits(maxItems=100),
        Rule("self.all(x, self.exists_one(y, x == y))", "a queue is listed twice: list each queue once."),
    ] = []
    """Queues of the app's task_queues that this pool does not consume, as in `celery worker --exclude-queues`."""

    queue_order: Literal["Strict", "RoundRobin"] = "Strict"
    """Strict consumes a queue only while all queues before it in the list are empty. RoundRobin consumes all queues
    in turn."""

    broker_ref: BrokerRef = BrokerRef()
    """The Broker that holds the queues."""

    replicas: Annotated[int, Limits(minimum=0, maximum=10000)] | None = None
    """A fixed number of pods, for pools without autoscale. If neither is set, there is 1 pod."""

    autoscale: Autoscale | None = None
    """Scales the number of pods with the queues. Cannot be combined with replicas."""

    process_autoscale: ProcessAutoscale | None = None
    """Scales the number of processes of each pod, as `celery worker --autoscale`. Cannot be combined with
    concurrency. For prefork, gevent and eventlet."""

    time_limit: PositiveDuration | None = None
    """A task that runs for longer is killed; Celery's task_time_limit. For prefork and gevent."""

    soft_time_limit: PositiveDuration | None = None
    """A task that runs for longer gets SoftTimeLimitExceeded; Celery's task_soft_time_limit. For prefork."""

    termination_grace_period: PositiveDuration | None = None
    """How long a terminating pod has to finish its tasks before it is killed. Defaults to timeLimit plus 45s, or to
    10m if timeLimit is not set."""

    acknowledge: Literal["Late", "App", "Early"] = "Late"
    """When a message is acknowledged. Late: after the task, unless the app or the task sets acks_late itself, so no
    task is lost with its pod. App: as the app configures it. Early: before the task."""

    prefetch_multiplier: Annotated[int, Limits(minimum=0, maximum=10000)] | None = None
    """The number of messages that a pod prefetches for each task that it can run at once. 0 means no limit. By
    default prefork and threads prefetch nothing, gevent and eventlet prefetch 2."""

    max_tasks_per_child: Annotated[int, Limits(minimum=1)] | None = None
    """The number of tasks after which a process is replaced. For prefork."""

    max_memory_per_child: MemorySize | None = None
    """The resident memory, such as 400Mi, above which a process is replaced after its task. For prefork."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    """The log level of the workers and of the beat, as in `celery worker --loglevel`. Defaults to Celery's own,
    WARNING."""

    extra_args: Annotated[list[Argument], Limits(maxItems=50)] = []
    """Additional arguments of `celery worker`. Flags that a field of this spec sets are refused."""

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
    """Where results are stored. Defaults to the app's own setting."""

    beat: Beat | None = None
    """Runs `celery beat` for the app's own periodic tasks, in a pod of its own. Workers of other pools can execute
    the tasks."""

    network_policy: NetworkPolicy | None = None
    """Allows connections to the pool's workers and its beat only from the peers in admit. Probes of the kubelet are
    always allowed. By default there is no NetworkPolicy."""

    strategy: Strategy = Strategy()
    """How new pods replace old ones. By default new pods start first: maxSurge 25%, maxUnavailable 0."""

    disruption_budget: DisruptionBudget = DisruptionBudget()
    """How many pods may be evicted at once, as when nodes are drained. By default 25%; none for a pool that has one
    pod at most."""

    recycle: Recycle | None = None
    """Replaces pods that are too old or use too much memory, one at a time. A pod finishes its tasks first. As in a
    rollout, its replacement starts before it stops, unless strategy has maxSurge 0 or type Recreate."""

    suspend: bool = False
    """Drains the pool, scales it to zero and keeps it there. Its beat stops too."""

    template: PodTemplate = {}
    """A pod template that is merged into the one that the operator builds, as `kubectl patch` merges: sidecars,
    volumes, affinity, security context. The worker container is named worker."""

    @property
    def capacity(self) -> int | None:
        """Tasks that a pod runs at once at most; None where the app or its node decides."""
        if self.process_autoscale is not None:
            return self.process_autoscale.max
        return 1 if self.pool == "solo" else self.concurrency

    @property
    def beat_launcher(self) -> list[str]:
        """The words before the interpreter of its beat."""
        own = self.beat.launcher if self.beat is not None else None
        return self.launcher if own is None else own

    @property
    def beat_app(self) -> str:
        """The Celery application of its beat."""
        return (self.beat.app if self.beat is not None else None) or self.app

    @property
    def effective_grace_period(self) -> timedelta:
        """How long a stopping pod may finish its tasks."""
        if self.termination_grace_period is not None:
            return self.termination_grace_period
        return DEFAULT_GRACE if self.time_limit is None else self.time_limit + STOP_MARGIN

    @property
    def fixed_size(self) -> int | None:
        """The wanted number of pods; None while autoscale decides it."""
        if self.suspend:
            return 0
        if self.autoscale is not None:
            return None
        return 1 if self.replicas is None else self.replicas


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


MAX_TOKEN = 64
VersionText = Annotated[str, Limits(maxLength=64)]
MAX_DECISIONS = 5


class Requeue(Model):
    """The result of a request to requeue dead letters."""

    token: Annotated[str, Limits(maxLength=MAX_TOKEN)]
    """The first word of the annotation taskfleet.dev/requeue."""

    time: Timestamp
    """When the request was handled."""

    messages: Count
    """The number of requeued messages."""


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

    last_requeue: Requeue | None = None
    """The last request to requeue dead letters, as by `kubectl taskfleet dead --requeue`."""

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


class WorkerPool(Resource):
    """Runs one Celery app as a fleet of workers: its pool type, its queues, and how far it scales."""

    columns = (
        Column("Pool", ".status.worker.pool"),
        Column("Desired", ".status.desiredReplicas", "integer"),
        Column("Ready", ".status.readyReplicas", "integer"),
        Column("Busy", ".status.busyReplicas", "integer"),
        Column("Waiting", ".status.waiting", "integer"),
        Column("Status", READY_REASON),
        Column("In-Flight", ".status.inFlight", "integer", wide=True),
        Column("Draining", ".status.drainingReplicas", "integer", wide=True),
        Column("Min", ".spec.autoscale.minReplicas", "integer", wide=True),
        Column("Max", ".spec.autoscale.maxReplicas", "integer", wide=True),
        Column("Queues", ".status.worker.queues", wide=True),
        Column("Broker", ".spec.brokerRef.name", wide=True),
        Column("App", ".spec.app", wide=True),
        Column("Image", ".spec.image", wide=True),
        Column("Runtime", ".status.runtimeVersion", wide=True),
        Column("Decision", ".status.lastDecision.message", wide=True),
        Column("Message", READY_MESSAGE, wide=True),
    )
    scale = Scale(".spec.replicas", ".status.replicas", ".status.selector")

    spec: WorkerPoolSpec
    """The desired workers."""

    status: WorkerPoolStatus = WorkerPoolStatus()
    """The observed state, written by the operator."""

    @property
    def learns(self) -> bool:
        """Whether only a pod can tell how many tasks it runs at once, or which queues it consumes."""
        return self.spec.queues is None or self.spec.capacity is None

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that it consumes, as far as they are known."""
        if self.spec.queues is not None:
            return tuple(self.spec.queues)
        return tuple(self.status.worker.queues) if self.status.worker is not None else ()

    @property
    def capacity(self) -> int:
        """Tasks that a pod runs at once at most; 1 until a pod has told."""
        if self.spec.capacity is not None:
            return self.spec.capacity
        return max(1, self.status.worker.capacity) if self.status.worker is not None else 1
