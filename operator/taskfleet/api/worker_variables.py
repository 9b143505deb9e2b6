"""Environment variables that Celery would take for options of its command line, each with what to do instead.

A variable of `env` that no field can see would be ignored (worker-image/taskfleet_worker/patches/option_variables.py), or replace
what a field says. Names that only an app reads are its own.
"""

from taskfleet.api.schema import Rule

# Names that are refused for the same reason, and what to do instead.
Group = tuple[tuple[str, ...], str]

_ARGS = "extraArgs"

# The field that sets an option of `celery worker`, and the ends of CELERY_WORKER_...
_WORKER = {
    "pool": ("POOL",),
    "concurrency": ("CONCURRENCY",),
    "queues": ("QUEUES",),
    "excludeQueues": ("EXCLUDE_QUEUES",),
    "processAutoscale": ("AUTOSCALE",),
    "timeLimit": ("TIME_LIMIT",),
    "softTimeLimit": ("SOFT_TIME_LIMIT",),
    "prefetchMultiplier": ("PREFETCH_MULTIPLIER", "DISABLE_PREFETCH"),
    "maxTasksPerChild": ("MAX_TASKS_PER_CHILD",),
    "maxMemoryPerChild": ("MAX_MEMORY_PER_CHILD",),
    "logLevel": ("LOGLEVEL",),
    "python": ("EXECUTABLE",),
    "beat": ("BEAT", "SCHEDULE_FILENAME", "SCHEDULER"),
    "template.spec.securityContext": ("UID", "GID"),
    _ARGS: (
        "TASK_EVENTS", "POOL_START_METHOD", "INCLUDE", "OPTIMIZATION", "WITHOUT_GOSSIP", "WITHOUT_MINGLE",
        "WITHOUT_HEARTBEAT", "HEARTBEAT_INTERVAL", "STATEDB", "LOGFILE", "PIDFILE", "UMASK",
    ),
}  # fmt: skip
_BEAT = {
    "beat.scheduler": ("SCHEDULER",),
    "beat.storage": ("SCHEDULE",),
    "logLevel": ("LOGLEVEL",),
    "template.spec.securityContext": ("UID", "GID"),
}
_NO_FIELD = "is an option of Celery's command line that a pod does not take: remove it."
_OTHERS = {
    (
        "CELERY_BROKER_URL",
        "CELERY_BROKER_READ_URL",
        "CELERY_BROKER_WRITE_URL",
        "CELERY_BROKER",
        "BROKER_URL",
    ): (
        "names a broker, which the Broker does: remove it, and set brokerRef. An app finds the URL in "
        "CELERY_BROKER_URL."
    ),
    ("RESULT_BACKEND",): (
        "names a result backend: remove it, and set resultBackend. An app finds the URL in CELERY_RESULT_BACKEND."
    ),
    ("CELERY_APP",): "names the Celery application: remove it, and set app.",
    ("CELERY_LOADER", "CELERY_CONFIG"): (
        "replaces how the app is configured: remove it, and configure the app in its module."
    ),
    ("CELERY_WORKER_PURGE",): (
        "purges the queues whenever a pod starts: remove it, and set purge of a TaskQueue to purge a queue once."
    ),
    ("CELERY_WORKER_HOSTNAME", "CELERY_WORKER_DETACH", "CELERY_WORKDIR", "CELERY_QUIET"): _NO_FIELD,
    (
        *("CELERY_BEAT_MAX_INTERVAL", "CELERY_BEAT_REMOTE_CONTROL", "CELERY_BEAT_HOSTNAME"),
        *("CELERY_BEAT_DETACH", "CELERY_BEAT_LOGFILE", "CELERY_BEAT_PIDFILE", "CELERY_BEAT_UMASK"),
        "CELERY_BEAT_EXECUTABLE",
    ): _NO_FIELD,
    ("C_FORCE_ROOT",): (
        "lets a worker run as root: remove it, and set runAsUser in template.spec.securityContext to another user."
    ),
}


def _of_fields(prefix: str, fields: dict[str, tuple[str, ...]]) -> tuple[Group, ...]:
    return tuple(
        (tuple(f"{prefix}_{end}" for end in ends), f"is an option of Celery: remove it, and set {field}.")
        for field, ends in fields.items()
    )


_GROUPS: tuple[Group, ...] = (
    *_of_fields("CELERY_WORKER", _WORKER),
    *_of_fields("CELERY_BEAT", _BEAT),
    *_OTHERS.items(),
)
VARIABLE_RULES = tuple(Rule(f"!(self in {list(names)})", f"{{self}} {advice}") for names, advice in _GROUPS)

REFUSED_VARIABLES = {name: advice for names, advice in _GROUPS for name in names}
"""All of them, each with what to do instead."""
