"""The reasons of all conditions. Users match on the values, so a value is never renamed."""

from enum import StrEnum


class ConditionType(StrEnum):
    """The types of conditions."""

    READY = "Ready"  # works as its spec says; kstatus and `kubectl wait` look at it
    RECONCILING = "Reconciling"  # the operator is still changing things for this generation; never by scaling
    STALLED = "Stalled"  # only a change of the spec cures it
    SCALING_ACTIVE = "ScalingActive"  # the size follows the demand
    SCALING_LIMITED = "ScalingLimited"  # the demand asks for another size than a limit allows
    UP_TO_DATE = "UpToDate"  # the pods are built the way this operator version builds them
    CONSUMED = "Consumed"  # some WorkerPool reads the queue
    BEAT_READY = "BeatReady"  # the app's own beat sends, and no other does for the same app and broker
    MEMORY_AVAILABLE = "MemoryAvailable"  # of a broker's server, so that it takes new tasks
    HEALTHY = "Healthy"  # the queue is below alertAbove, and nothing waits in vain
    TIMEOUTS_AGREE = "TimeoutsAgree"  # nobody on the broker gives running tasks to others
    FULLY_SUPPORTED = "FullySupported"  # what is asked for, this kind of broker can do; not there on Redis


class Reason(StrEnum):
    """Reasons that every kind has."""

    INVALID_SPEC = "InvalidSpec"  # Stalled: a value cannot be understood, or an apply was refused for it
    NAME_CONFLICT = "NameConflict"  # Stalled: an object of a child's name belongs to someone else
    APPLY_FAILED = "ApplyFailed"  # Ready=False: the API server refused or failed a write; it is tried again
    BROKER_MISSING = "BrokerMissing"  # Ready=False: brokerRef names no Broker, and none may be made
    PROGRESSING = "Progressing"  # Reconciling=True: children are being changed
    SETTLED = "Settled"  # Reconciling=False or Stalled=False: nothing is left to do for this generation


class PoolReason(StrEnum):
    """Why a WorkerPool is as it is."""

    AVAILABLE = "Available"  # Ready: every wanted pod is ready
    AT_ZERO = "AtZero"  # Ready: no pod is wanted; the last ones may still be stopping
    SUSPENDED = "Suspended"  # Ready and ScalingActive=False: spec.suspend is true
    PODS_NOT_READY = "PodsNotReady"  # Ready=False: wanted pods are still starting
    BROKER_NOT_READY = "BrokerNotReady"  # Ready=False: the Broker exists and is not ready
    BROKER_UNREACHABLE = "BrokerUnreachable"  # the last read of the broker failed; the size is held
    IMAGE_RUNS_AS_ROOT = "ImageRunsAsRoot"  # Stalled: the image's user is root, which the pod forbids
    IMAGE_PULL_FAILED = "ImagePullFailed"  # Ready=False: the kubelet cannot get the image
    SECRET_MISSING = "SecretMissing"  # Ready=False: a Secret or ConfigMap that the pod needs is not there
    APP_FAILED = "AppFailed"  # Ready=False: the worker ended at its start; the message quotes its last words
    UNSCHEDULABLE = "Unschedulable"  # Ready=False: the scheduler finds no node for a pod
    PODS_REFUSED = "PodsRefused"  # Ready=False: the API server refuses to create pods, such as by a quota
    WITHIN_LIMITS = "WithinLimits"  # ScalingLimited=False
    MAX_REPLICAS = "MaxReplicas"  # ScalingLimited: the load asks for more than autoscale.maxReplicas
    MIN_REPLICAS = "MinReplicas"  # ScalingLimited: the load asks for less than autoscale.minReplicas
    FOLLOWS_DEMAND = "FollowsDemand"  # ScalingActive: the size is what the queues and running tasks ask for
    NOT_CARRIED_OUT = "NotCarriedOut"  # ScalingActive=False: autoscale.mode is Recommend or Hold
    FIXED_SIZE = "FixedSize"  # ScalingActive=False: the pool has replicas and no autoscale
    BEAT_RUNS = "BeatRuns"  # BeatReady
    BEAT_NOT_READY = "BeatNotReady"  # BeatReady=False and Ready=False: the app's own beat does not run
    SECOND_BEAT = "SecondBeat"  # BeatReady=False: another pool runs the beat of the same app and broker
    SUPPORTED = "Supported"  # FullySupported
    QUEUES_TAKE_TURNS = (
        "QueuesTakeTurns"  # FullySupported=False: a strict order of queues holds on Redis only
    )
    CONSUMER_TIMEOUT = (
        "ConsumerTimeout"  # FullySupported=False: tasks may outlast RabbitMQ's consumer_timeout
    )
    BUILT_BY_THIS_VERSION = "BuiltByThisVersion"  # UpToDate
    BUILT_BY_ANOTHER_VERSION = "BuiltByAnotherVersion"  # UpToDate=False: kept until the pool changes


class BrokerReason(StrEnum):
    """Why a Broker is as it is."""

    ANSWERS = "Answers"  # Ready: an authenticated PING was answered
    UNREACHABLE = "Unreachable"  # Ready=False: no connection, or no answer in time
    AUTHENTICATION_FAILED = "AuthenticationFailed"  # Ready=False: the server refuses the credentials
    SECRET_MISSING = "SecretMissing"  # Ready=False: the Secret or its key is not there
    INVALID_URL = "InvalidUrl"  # Ready=False: the value is no broker URL, or does not fit to the spec
    INVALID_CERTIFICATE = "InvalidCertificate"  # Ready=False: a Secret holds no usable certificate or key
    TLS_FAILED = "TlsFailed"  # Ready=False: no TLS connection, such as by an untrusted certificate
    READ_ONLY = "ReadOnly"  # Ready=False: the server is a replica
    MEMORY_ENOUGH = "MemoryEnough"  # MemoryAvailable
    NEARLY_FULL = "NearlyFull"  # MemoryAvailable=False: four fifths of maxmemory are in use
    EVICTS_KEYS = "EvictsKeys"  # MemoryAvailable=False: the server drops keys when it is full
    STARTING = "Starting"  # Ready=False: the managed Redis is not up yet
    NOTHING_TAKEN = "NothingTaken"  # TimeoutsAgree: no message was taken from a pod that works on it
    ONLY_ON_REDIS = "OnlyOnRedis"  # FullySupported=False: of a RabbitMQ, with what it cannot do
    TAKEN_BY_OTHERS = "TakenByOthers"  # TimeoutsAgree=False: other workers have a shorter visibility timeout


class QueueReason(StrEnum):
    """Why a TaskQueue is as it is."""

    OBSERVED = "Observed"  # Ready: the last reading is fresh
    BROKER_NOT_READY = "BrokerNotReady"  # Ready=False: the Broker exists and is not ready
    POOL_READS = "PoolReads"  # Consumed: a WorkerPool takes what comes, though perhaps without a pod now
    OTHERS_READ = "OthersRead"  # Consumed: no WorkerPool does, but somebody took messages in the last minute
    NO_POOL = "NoPool"  # Consumed=False: no WorkerPool names the queue
    POOLS_STOPPED = "PoolsStopped"  # Consumed=False: those that name it are suspended, sized to zero, or fail
    BELOW_ALERT = "BelowAlert"  # Healthy: below alertAbove, and nothing waits in vain
    WAITING_ABOVE_ALERT = "WaitingAboveAlert"  # Healthy=False: more wait than alertAbove.waiting
    AGE_ABOVE_ALERT = "AgeAboveAlert"  # Healthy=False: the oldest waits longer than alertAbove.age (estimate)
    NOT_CONSUMED = "NotConsumed"  # Healthy=False: messages wait and nobody takes them
    UNKNOWN = "Unknown"  # Consumed and Healthy unknown: the queue cannot be read


class ScheduleReason(StrEnum):
    """Why a PeriodicSchedule is as it is."""

    SCHEDULED = "Scheduled"  # Ready: beat has the schedule and sends its runs in time
    SUSPENDED = "Suspended"  # Ready: spec.suspend is true
    ENDED = "Ended"  # Ready: no run is left, as after the moment of clocked
    INVALID_SCHEDULE = "InvalidSchedule"  # Stalled: the schedule or its time zone means nothing
    BROKER_NOT_READY = "BrokerNotReady"  # Ready=False: the Broker exists and is not ready
    ONLY_ON_REDIS = "OnlyOnRedis"  # Stalled: the broker is none that keeps schedules
    BEAT_NOT_READY = "BeatNotReady"  # Ready=False: the broker's beat does not run
    NOT_TAKEN_UP = "NotTakenUp"  # Ready=False: beat has not told of this version of the schedule yet
    LATE = "Late"  # Ready=False: a run is due since more than a minute
    SENDING_FAILED = "SendingFailed"  # Ready=False: beat could not send the last run and tries again
