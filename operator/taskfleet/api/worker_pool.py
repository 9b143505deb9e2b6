"""WorkerPool: one Celery app, its pool and queues, and how far it scales."""

from datetime import timedelta
from typing import Annotated, Literal

from taskfleet.api.autoscale import Autoscale
from taskfleet.api.base import Model, Resource
from taskfleet.api.beat import Beat, Launcher
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON
from taskfleet.api.failures import Failures
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.api.pod import IMAGE_RULE, EnvFrom, EnvVar, Resources
from taskfleet.api.pod_template import PodTemplate
from taskfleet.api.pool_type import PoolType
from taskfleet.api.quantities import MemorySize, PositiveDuration
from taskfleet.api.queue_name import QueueName
from taskfleet.api.recycle import Recycle
from taskfleet.api.references import BrokerRef
from taskfleet.api.result_backend import ResultBackend
from taskfleet.api.rollout import DisruptionBudget, Strategy
from taskfleet.api.schema import Column, Limits, Rule, Scale
from taskfleet.api.telemetry import Telemetry
from taskfleet.api.worker_flags import ARGUMENT_RULES
from taskfleet.api.worker_pool_status import WorkerPoolStatus

Argument = Annotated[str, Limits(minLength=1, maxLength=1000), *ARGUMENT_RULES]
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

    failures: Failures = Failures()
    """What is kept of failed tasks. Requires a Redis broker."""

    telemetry: Telemetry = Telemetry()
    """What workers send to other systems, such as traces."""

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
