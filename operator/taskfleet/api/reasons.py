"""The reasons of all conditions and events. Users match on the values, so a value is never renamed."""

from enum import StrEnum


class ConditionType(StrEnum):
    """The types of conditions."""

    # The object works as its spec says. kstatus and `kubectl wait` read it.
    READY = "Ready"
    # The operator still applies changes for this generation. Scaling never sets it.
    RECONCILING = "Reconciling"
    # Only a change of the spec helps.
    STALLED = "Stalled"
    # The number of replicas follows the demand.
    SCALING_ACTIVE = "ScalingActive"
    # A limit keeps the pool from the number of replicas that the demand asks for.
    SCALING_LIMITED = "ScalingLimited"
    # The pod template is the one that this operator version builds.
    UP_TO_DATE = "UpToDate"
    # No pod has told yet what the spec leaves to the app. Not set where it leaves nothing.
    LEARNING = "Learning"
    # A WorkerPool or another client consumes the queue.
    CONSUMED = "Consumed"
    # The app's own beat runs, and no other pool runs a beat of the same app and broker.
    BEAT_READY = "BeatReady"
    # The broker's server has memory for new tasks.
    MEMORY_AVAILABLE = "MemoryAvailable"
    # The queue is below alertAbove, and no message waits without a consumer.
    HEALTHY = "Healthy"
    # No worker on the broker redelivers messages of running tasks.
    VISIBILITY_TIMEOUTS_MATCH = "VisibilityTimeoutsMatch"
    # Workers' reports in the broker are valid. Set only while some are not.
    REPORTS_VALID = "ReportsValid"
    # No variable of the image or of envFrom is ignored that Celery would take for an option. Set only while one is.
    VARIABLES_APPLIED = "VariablesApplied"
    # New pods can mount the pool's claims while old ones have them. Set only while one cannot.
    VOLUMES_SHARED = "VolumesShared"
    # The broker supports what the spec uses. Not set on Redis.
    FULLY_SUPPORTED = "FullySupported"


class Reason(StrEnum):
    """Reasons that every kind uses."""

    # Stalled: a value is invalid, or the API server rejected an apply because of it.
    INVALID_SPEC = "InvalidSpec"
    # Stalled: an object with the name of a child exists and has another owner.
    NAME_CONFLICT = "NameConflict"
    # Ready=False: the API server rejected or failed a write. The operator retries.
    APPLY_FAILED = "ApplyFailed"
    # Ready=False: brokerRef names a Broker that does not exist and may not be created.
    BROKER_MISSING = "BrokerMissing"
    # Reconciling=True: the operator changes children.
    PROGRESSING = "Progressing"
    # Reconciling=False or Stalled=False: this generation needs no further change.
    SETTLED = "Settled"


class PoolReason(StrEnum):
    """Reasons of a WorkerPool's conditions."""

    # Ready: all desired pods are ready.
    AVAILABLE = "Available"
    # Ready: no pod is desired. The last ones may still be stopping.
    SCALED_TO_ZERO = "ScaledToZero"
    # Ready and ScalingActive=False: spec.suspend is true.
    SUSPENDED = "Suspended"
    # Ready=False: pods that no longer report hold unacknowledged messages.
    PODS_UNRESPONSIVE = "PodsUnresponsive"
    # Ready=False: desired pods are still starting.
    PODS_NOT_READY = "PodsNotReady"
    # Ready=False: the Broker exists and is not ready.
    BROKER_NOT_READY = "BrokerNotReady"
    # The last poll of the broker failed. The operator keeps the number of replicas.
    BROKER_UNREACHABLE = "BrokerUnreachable"
    # Stalled: the image's user is root, and the pod has runAsNonRoot.
    IMAGE_RUNS_AS_ROOT = "ImageRunsAsRoot"
    # Ready=False: the kubelet cannot pull the image.
    IMAGE_PULL_FAILED = "ImagePullFailed"
    # Ready=False: a Secret or ConfigMap that the pod refers to does not exist.
    SECRET_MISSING = "SecretMissing"
    # Ready=False: the worker exited during startup. The message quotes its last output.
    APP_FAILED = "AppFailed"
    # Ready=False: the scheduler finds no node for a pod.
    UNSCHEDULABLE = "Unschedulable"
    # Ready=False: the API server rejects new pods, for example because of a quota.
    POD_CREATION_FAILED = "PodCreationFailed"
    # Ready=False and ScalingLimited: the API server or the broker rejects a change of replicas.
    SCALE_FAILED = "ScaleFailed"
    # Ready=False and ScalingLimited: another client writes the Deployment's replicas.
    REPLICAS_OVERWRITTEN = "ReplicasOverwritten"
    # ScalingLimited=False. The HorizontalPodAutoscaler's reason.
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    # ScalingLimited: the demand exceeds autoscale.maxReplicas. The HorizontalPodAutoscaler's reason.
    TOO_MANY_REPLICAS = "TooManyReplicas"
    # ScalingLimited: the demand is below autoscale.minReplicas. The HorizontalPodAutoscaler's reason.
    TOO_FEW_REPLICAS = "TooFewReplicas"
    # ScalingLimited: autoscale.behavior.scaleUp allows no larger step. The HorizontalPodAutoscaler's reason.
    SCALE_UP_LIMIT = "ScaleUpLimit"
    # ScalingLimited: autoscale.behavior.scaleDown allows no larger step. The HorizontalPodAutoscaler's reason.
    SCALE_DOWN_LIMIT = "ScaleDownLimit"
    # ScalingActive: waiting messages and running tasks decide the number of replicas.
    FOLLOWS_DEMAND = "FollowsDemand"
    # ScalingActive=False: autoscale.mode is Recommend or Hold. The HorizontalPodAutoscaler's reason.
    SCALING_DISABLED = "ScalingDisabled"
    # ScalingActive=False: the pool has replicas and no autoscale.
    FIXED_SIZE = "FixedSize"
    # BeatReady.
    BEAT_RUNNING = "BeatRunning"
    # BeatReady=False and Ready=False: the app's own beat does not run.
    BEAT_NOT_READY = "BeatNotReady"
    # BeatReady=False: another pool runs the beat of the same app and broker.
    DUPLICATE_BEAT = "DuplicateBeat"
    # VariablesApplied=False: pods name variables that set options of Celery, which they do not take.
    VARIABLES_IGNORED = "VariablesIgnored"
    # VolumesShared=False: only one node or pod can mount a claim of the template, and a rollout starts new pods first.
    SINGLE_NODE_CLAIM = "SingleNodeClaim"
    # FullySupported.
    SUPPORTED = "Supported"
    # FullySupported=False: only Redis supports strict queue order.
    QUEUE_ORDER_NOT_SUPPORTED = "QueueOrderNotSupported"
    # FullySupported=False: only Redis keeps records of failed tasks.
    FAILURES_NOT_SUPPORTED = "FailuresNotSupported"
    # FullySupported=False: tasks may run longer than RabbitMQ's consumer_timeout.
    CONSUMER_TIMEOUT = "ConsumerTimeout"
    # Learning=False.
    WORKER_REPORTED = "WorkerReported"
    # Learning: a pod starts, also at minReplicas 0, to report pool, capacity and queues.
    NO_WORKER_REPORTED = "NoWorkerReported"
    # UpToDate.
    POD_TEMPLATE_CURRENT = "PodTemplateCurrent"
    # UpToDate=False: the pods keep the template of another operator version until the pool changes.
    POD_TEMPLATE_OUTDATED = "PodTemplateOutdated"


class BrokerReason(StrEnum):
    """Reasons of a Broker's conditions."""

    # Ready: the server answered an authenticated PING.
    REACHABLE = "Reachable"
    # Ready=False: no connection, or no answer in time.
    UNREACHABLE = "Unreachable"
    # Ready=False: the server rejects the credentials.
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    # Ready=False: the Secret or its key does not exist.
    SECRET_MISSING = "SecretMissing"
    # Ready=False: the value is not a broker URL, or does not match the spec.
    INVALID_URL = "InvalidUrl"
    # Ready=False: a Secret does not hold a usable certificate or key.
    INVALID_CERTIFICATE = "InvalidCertificate"
    # Ready=False: the TLS handshake failed, for example because of an untrusted certificate.
    TLS_FAILED = "TlsFailed"
    # Ready=False: the server is a read-only replica.
    READ_ONLY = "ReadOnly"
    # Ready=False: the server answers, but the answer is too large or invalid.
    POLL_FAILED = "PollFailed"
    # ReportsValid=False: the operator dropped some reports.
    INVALID_REPORTS = "InvalidReports"
    # MemoryAvailable.
    SUFFICIENT_MEMORY = "SufficientMemory"
    # MemoryAvailable=False: 80% of maxmemory are in use.
    MEMORY_PRESSURE = "MemoryPressure"
    # MemoryAvailable=False: the server's maxmemory-policy evicts keys.
    KEY_EVICTION_ENABLED = "KeyEvictionEnabled"
    # Ready=False: the managed Redis is starting.
    STARTING = "Starting"
    # VisibilityTimeoutsMatch: no message was redelivered while its task ran.
    NO_EARLY_REDELIVERY = "NoEarlyRedelivery"
    # FullySupported=False: the broker is a RabbitMQ. The message lists what only Redis supports.
    REDIS_REQUIRED = "RedisRequired"
    # VisibilityTimeoutsMatch=False: other workers have a shorter visibility timeout.
    REDELIVERED_WHILE_RUNNING = "RedeliveredWhileRunning"


class QueueReason(StrEnum):
    """Reasons of a TaskQueue's conditions."""

    # Ready: the last poll is recent.
    OBSERVED = "Observed"
    # Ready=False: the Broker exists and is not ready.
    BROKER_NOT_READY = "BrokerNotReady"
    # Consumed: a WorkerPool consumes the queue, or starts a pod when a message arrives.
    CONSUMED_BY_POOL = "ConsumedByPool"
    # Consumed: no WorkerPool does, but another client fetched messages in the last minute.
    CONSUMED_EXTERNALLY = "ConsumedExternally"
    # Consumed=False: no WorkerPool lists the queue.
    NO_CONSUMER = "NoConsumer"
    # Consumed=False: the WorkerPools that list it are suspended, have no replicas, or fail.
    POOLS_STOPPED = "PoolsStopped"
    # Healthy: below alertAbove, and no message waits without a consumer.
    BELOW_ALERT = "BelowAlert"
    # Healthy=False: more messages wait than alertAbove.waiting.
    WAITING_ABOVE_ALERT = "WaitingAboveAlert"
    # Healthy=False: the oldest message has waited longer than alertAbove.age (an estimate).
    AGE_ABOVE_ALERT = "AgeAboveAlert"
    # Healthy=False: pods that no longer report hold messages of the queue.
    CONSUMERS_UNRESPONSIVE = "ConsumersUnresponsive"
    # Healthy=False: messages wait without a consumer.
    NOT_CONSUMED = "NotConsumed"
    # Consumed=Unknown and Healthy=Unknown: the queue cannot be read.
    UNKNOWN = "Unknown"


class ScheduleReason(StrEnum):
    """Reasons of a PeriodicSchedule's conditions."""

    # Ready: beat has loaded the schedule and sends its runs on time.
    SCHEDULED = "Scheduled"
    # Ready: spec.suspend is true.
    SUSPENDED = "Suspended"
    # Ready: no run is left, for example after the time of clocked.
    COMPLETED = "Completed"
    # Stalled: the schedule or its time zone is invalid.
    INVALID_SCHEDULE = "InvalidSchedule"
    # Ready=False: the Broker exists and is not ready.
    BROKER_NOT_READY = "BrokerNotReady"
    # Stalled: only a Redis broker supports schedules.
    REDIS_REQUIRED = "RedisRequired"
    # Ready=False: the broker's beat does not run.
    BEAT_NOT_READY = "BeatNotReady"
    # Ready=False: beat has not loaded this version of the schedule yet.
    PENDING = "Pending"
    # Ready=False: a run is overdue by more than a minute.
    LATE = "Late"
    # Ready=False: beat could not send the last run and retries.
    SENDING_FAILED = "SendingFailed"


class EventReason(StrEnum):
    """Why the operator recorded an event. An event about a condition has the condition's reason instead."""

    # WorkerPool: the operator changed the number of replicas.
    SCALED = "Scaled"
    # WorkerPool: the operator replaces a pod that exceeds spec.recycle.
    RECYCLED = "Recycled"
    # WorkerPool: the operator handled the requeue annotation.
    DEAD_LETTERS_REQUEUED = "DeadLettersRequeued"
    # WorkerPool: the operator removed dead letters, as the annotation forget-dead-letters requested.
    DEAD_LETTERS_FORGOTTEN = "DeadLettersForgotten"
    # WorkerPool: the operator sent failed tasks again, as the annotation failed-tasks requested.
    FAILED_TASKS_RETRIED = "FailedTasksRetried"
    # WorkerPool: the operator removed records of failed tasks, as the annotation failed-tasks requested.
    FAILED_TASKS_FORGOTTEN = "FailedTasksForgotten"
    # WorkerPool: the annotation failed-tasks requests what is not possible.
    FAILED_TASKS_REFUSED = "FailedTasksRefused"
    # WorkerPool: the operator requeued the messages of a dead worker.
    MESSAGES_REQUEUED = "MessagesRequeued"
    # WorkerPool: messages crashed their worker too often.
    MESSAGES_DEAD_LETTERED = "MessagesDeadLettered"
    # WorkerPool: the operator deleted a pod whose node is lost, after it requeued what the pod held.
    LOST_POD_DELETED = "LostPodDeleted"
    # Another client changed a field of a child, and the operator applied its own value again.
    CHANGE_REVERTED = "ChangeReverted"
    # An admission webhook or policy stores another value than the operator applied.
    FIELD_OVERRIDDEN = "FieldOverridden"
    # Broker: messages exceeded visibilityTimeout.
    EXPIRED_MESSAGES_REQUEUED = "ExpiredMessagesRequeued"
    # Broker: the Deployment of its beat cannot be applied.
    BEAT_CREATION_FAILED = "BeatCreationFailed"
    # PeriodicSchedule: the broker's beat sent the run that the annotation trigger requested.
    TRIGGERED = "Triggered"
    # TaskQueue: the operator handled the purge request.
    PURGED = "Purged"
    # TaskQueue: the queue has consumers, and the request does not force.
    PURGE_REFUSED = "PurgeRefused"
