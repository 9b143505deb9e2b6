"""WorkerPool: what is let in and what is refused."""

from functools import partial

from taskfleet.api import Object
from tests.envtest.rules.case import Case

OBJECT, ARRAY, STRING = (f'Invalid value: "{kind}": ' for kind in ("object", "array", "string"))
POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")


_case = partial(Case, "WorkerPool")


def _too_short(field: str) -> Case:
    answer = f"{STRING}0m0s is too short: use at least 1s, or remove the field."
    return _case(f"{field}-of-zero", {field: "1s"}, {field: "0m0s"}, field, answer)


def _no_duration(text: str) -> Case:
    answer = (
        f'{STRING}"{text}" is not a valid duration: use hours, minutes and seconds, such as 30s, 5m or 1h30m.'
    )
    return _case(
        f"duration-{text or 'empty'}", {"timeLimit": "1h30m"}, {"timeLimit": text}, "timeLimit", answer
    )


def _ignored(pool: str, field: str, value: object, choice: str) -> Case:
    answer = f"{OBJECT}pool {pool} does not support {field}: remove it, or use pool {choice}."
    return _case(f"{field}-on-{pool}", {field: value}, {field: value, "pool": pool}, field, answer)


def _scale_up(policy: Object) -> Object:
    return {"autoscale": {"maxReplicas": 3, "behavior": {"scaleUp": {"policies": [policy]}}}}


def _otlp(endpoint: str, **fields: object) -> Object:
    return {"telemetry": {"otlp": {"endpoint": endpoint, **fields}}}


def _traces(accepted: str, refused: str) -> Case:
    answer = (
        f'{STRING}the endpoint "{refused}" is not valid: use http or https with a host, such as http://collector:4318, '
        "without user and query. Credentials belong into headersSecretRef."
    )
    return _case(f"endpoint {refused}", _otlp(accepted), _otlp(refused), "telemetry.otlp.endpoint", answer)


NO_SURGE: Object = {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}
TWO_SIZES = (
    f"{OBJECT}replicas and autoscale cannot both be set: remove replicas to scale automatically, "
    "or remove autoscale for a fixed size."
)
QUEUE_NAME = (
    'the queue name "{}" is not valid: it must not be empty, contain a comma, or start or end '
    "with a space. Use an item for each queue."
)

SIZES = (
    _case(
        "replicas-beside-autoscale",
        {"autoscale": {"maxReplicas": 3}},
        {"autoscale": {"maxReplicas": 3}, "replicas": 2},
        "replicas",
        TWO_SIZES,
    ),
    _case(
        "a-stale-replicas-is-tolerated-but-not-a-new-one",
        {"autoscale": {"maxReplicas": 3}, "replicas": 2},
        {"autoscale": {"maxReplicas": 3}, "replicas": 4},
        "replicas",
        TWO_SIZES,
        before={"replicas": 2},
    ),
    _case(
        "replicas-cannot-be-added-beside-autoscale",
        {"autoscale": {"maxReplicas": 4}},
        {"autoscale": {"maxReplicas": 3}, "replicas": 4},
        "replicas",
        TWO_SIZES,
        before={"autoscale": {"maxReplicas": 3}},
    ),
    _case(
        "min-above-max",
        {"autoscale": {"minReplicas": 3, "maxReplicas": 3}},
        {"autoscale": {"minReplicas": 4, "maxReplicas": 3}},
        "autoscale.minReplicas",
        f"{OBJECT}minReplicas is 4, above maxReplicas 3: lower minReplicas or raise maxReplicas.",
    ),
    _case(
        "autoscale-without-a-maximum",
        {"autoscale": {"maxReplicas": 0}},
        {"autoscale": {"minReplicas": 0}},
        "autoscale.maxReplicas",
        "Required value",
    ),
    _case(
        "a-policy-for-longer-than-half-an-hour",
        _scale_up({"type": "Pods", "value": 4, "period": "30m"}),
        _scale_up({"type": "Pods", "value": 4, "period": "30m1s"}),
        "autoscale.behavior.scaleUp.policies[0].period",
        f"{STRING}30m1s is too long: use at most 30m, as in a HorizontalPodAutoscaler.",
    ),
    _case(
        "a-policy-that-allows-nothing",
        _scale_up({"type": "Percent", "value": 1, "period": "1m"}),
        _scale_up({"type": "Percent", "value": 0, "period": "1m"}),
        "autoscale.behavior.scaleUp.policies[0].value",
        "Invalid value: 0: spec.autoscale.behavior.scaleUp.policies[0].value in body should be greater than or equal to 1",
    ),
    _traces("http://[::1]:4318", "ftp://collector:4318"),
    _traces("https://otlp.example.com/tenant/a", "http://user:password@collector:4318"),
    _traces("http://collector:65535", "http://collector:65536"),
    _traces("http://collector", "http://collector?tenant=a"),
    _case(
        "a-share-above-everything",
        _otlp("http://collector:4318", sampling=1),
        _otlp("http://collector:4318", sampling=1.01),
        "telemetry.otlp.sampling",
        "Invalid value: 1.01: spec.telemetry.otlp.sampling in body should be less than or equal to 1",
    ),
    _case(
        "traces-without-an-endpoint",
        _otlp("http://collector:4318", sampling=0),
        {"telemetry": {"otlp": {"sampling": 0.5}}},
        "telemetry.otlp.endpoint",
        "Required value",
    ),
    _case(
        "messages-of-failures-that-are-not-kept",
        {"failures": {"messages": True}},
        {"failures": {"messages": True, "enabled": False}},
        "failures.messages",
        f"{OBJECT}messages is set, but enabled is false, so nothing is kept: set enabled to true, or remove messages.",
    ),
    _case(
        "arguments-of-failures-that-are-not-kept",
        {"failures": {"arguments": True}},
        {"failures": {"arguments": True, "enabled": False}},
        "failures.arguments",
        f"{OBJECT}arguments is set, but enabled is false, so nothing is kept: set enabled to true, or remove arguments.",
    ),
    _case(
        "no-failures-at-all",
        {"failures": {"limit": 1}},
        {"failures": {"limit": 0}},
        "failures.limit",
        "Invalid value: 0: spec.failures.limit in body should be greater than or equal to 1",
    ),
    _case(
        "a-recycling-of-nothing",
        {"recycle": {"maxMemory": "1Gi"}},
        {"recycle": {}},
        "recycle",
        f"{OBJECT}recycle must have maxAge, maxMemory or both: set one, or remove recycle.",
    ),
    _case(
        "a-recycling-without-room",
        {**NO_SURGE, "recycle": {"maxAge": "24h"}, "disruptionBudget": {"maxUnavailable": 1}},
        {**NO_SURGE, "recycle": {"maxAge": "24h"}, "disruptionBudget": {"maxUnavailable": "0%"}},
        "recycle",
        f"{OBJECT}recycle can neither add nor take away a pod: raise disruptionBudget.maxUnavailable above 0, "
        "or use strategy RollingUpdate with maxSurge above 0.",
    ),
    _case(
        "two-names-of-one-window",
        {"autoscale": {"maxReplicas": 3, "keepalive": "1m"}},
        {
            "autoscale": {
                "maxReplicas": 3,
                "keepalive": "1m",
                "behavior": {"scaleDown": {"stabilizationWindow": "1m"}},
            }
        },
        "autoscale.keepalive",
        f"{OBJECT}keepalive and behavior.scaleDown.stabilizationWindow are two names of the same time: remove one.",
    ),
    _case(
        "concurrency-of-zero",
        {"concurrency": 1},
        {"concurrency": 0},
        "concurrency",
        "Invalid value: 0: spec.concurrency in body should be greater than or equal to 1",
    ),
    _case(
        "target-wait-of-zero",
        {"autoscale": {"maxReplicas": 3, "targetWait": "1s"}},
        {"autoscale": {"maxReplicas": 3, "targetWait": "0s"}},
        "autoscale.targetWait",
        f"{STRING}0s is too short: use at least 1s, or remove the field.",
    ),
    _case(
        "process-min-above-max",
        {"processAutoscale": {"min": 3, "max": 3}},
        {"processAutoscale": {"min": 4, "max": 3}},
        "processAutoscale.min",
        f"{OBJECT}min is 4, above max 3: lower min or raise max.",
    ),
    _case(
        "concurrency-beside-process-autoscale",
        {"processAutoscale": {"min": 3, "max": 10}},
        {"processAutoscale": {"min": 3, "max": 10}, "concurrency": 5},
        "concurrency",
        f"{OBJECT}concurrency and processAutoscale cannot both be set: remove concurrency. A pod "
        "runs up to processAutoscale.max tasks at once.",
    ),
    _case(
        "concurrency-on-solo",
        {"pool": "solo", "concurrency": 1},
        {"pool": "solo", "concurrency": 2},
        "concurrency",
        f"{OBJECT}pool solo runs one task at a time: remove concurrency, or use pool prefork.",
    ),
)

POOL_LIMITS = (
    *(
        _ignored(pool, "processAutoscale", {"min": 1, "max": 2}, "prefork, gevent or eventlet")
        for pool in ("threads", "solo")
    ),
    *(_ignored(pool, "timeLimit", "10m", "prefork or gevent") for pool in ("threads", "eventlet", "solo")),
    *(_ignored(pool, "softTimeLimit", "5m", "prefork") for pool in POOLS[1:]),
    *(_ignored(pool, "maxTasksPerChild", 100, "prefork") for pool in POOLS[1:]),
    *(_ignored(pool, "maxMemoryPerChild", "400Mi", "prefork") for pool in POOLS[1:]),
    _case(
        "soft-limit-above-the-hard-one",
        {"timeLimit": "10m", "softTimeLimit": "600s"},
        {"timeLimit": "10m", "softTimeLimit": "601s"},
        "softTimeLimit",
        f"{OBJECT}softTimeLimit is 601s, above timeLimit 10m: lower softTimeLimit or raise timeLimit.",
    ),
    _case(
        "memory-without-a-unit",
        {"maxMemoryPerChild": "400Mi"},
        {"maxMemoryPerChild": "400000"},
        "maxMemoryPerChild",
        f'{STRING}"400000" is not a valid size: use a whole number with a unit, such as 256Mi or 1Gi.',
    ),
    _too_short("timeLimit"),
    _too_short("softTimeLimit"),
    _too_short("terminationGracePeriod"),
    *(_no_duration(text) for text in ("", "10", "5 m", "1m1h", "1.5h", "100ms", "-5s", "1d", "123456h")),
    _case(
        "unknown-pool",
        {"pool": "gevent"},
        {"pool": "processes"},
        "pool",
        'Unsupported value: "processes": supported values: "prefork", "threads", "gevent", "eventlet", "solo"',
    ),
)

QUEUES = (
    *(
        _case(
            f"queue-name {text!r}",
            {"queues": ["high", "low.v2", "with space"]},
            {"queues": ["high", text]},
            "queues[1]",
            STRING + QUEUE_NAME.format(text),
        )
        for text in ("", "a,b", " low", "low ")
    ),
    _case(
        "queue-twice",
        {"queues": ["high", "low"]},
        {"queues": ["high", "low", "high"]},
        "queues",
        f"{ARRAY}a queue is listed twice: list each queue once.",
    ),
    _case(
        "no-queues",
        {"queues": ["celery"]},
        {"queues": []},
        "queues",
        "Invalid value: 0: spec.queues in body should have at least 1 items",
    ),
)

SOURCES = (
    *(
        _case(
            f"variable-{name}",
            {"env": [{"name": f"MY_{name}", "value": "1"}]},
            {"env": [{"name": name, "value": "1"}]},
            "env[0].name",
            f"{STRING}{name} {advice}",
        )
        for name, advice in {
            **{
                f"CELERY_{option}": f"is an option of Celery: remove it, and set {field}."
                for option, field in {
                    "WORKER_POOL": "pool",
                    "WORKER_CONCURRENCY": "concurrency",
                    "WORKER_QUEUES": "queues",
                    "WORKER_EXCLUDE_QUEUES": "excludeQueues",
                    "WORKER_AUTOSCALE": "processAutoscale",
                    "WORKER_TIME_LIMIT": "timeLimit",
                    "WORKER_SOFT_TIME_LIMIT": "softTimeLimit",
                    "WORKER_DISABLE_PREFETCH": "prefetchMultiplier",
                    "WORKER_MAX_TASKS_PER_CHILD": "maxTasksPerChild",
                    "WORKER_MAX_MEMORY_PER_CHILD": "maxMemoryPerChild",
                    "WORKER_LOGLEVEL": "logLevel",
                    "WORKER_EXECUTABLE": "python",
                    "WORKER_BEAT": "beat",
                    "WORKER_UID": "template.spec.securityContext",
                    "WORKER_TASK_EVENTS": "extraArgs",
                    "BEAT_SCHEDULER": "beat.scheduler",
                    "BEAT_SCHEDULE": "beat.storage",
                }.items()
            },
            "CELERY_WORKER_PURGE": (
                "purges the queues whenever a pod starts: remove it, and set purge of a TaskQueue to purge a queue "
                "once."
            ),
            "BROKER_URL": (
                "names a broker, which the Broker does: remove it, and set brokerRef. An app finds the URL in "
                "CELERY_BROKER_URL."
            ),
            "RESULT_BACKEND": (
                "names a result backend: remove it, and set resultBackend. An app finds the URL in "
                "CELERY_RESULT_BACKEND."
            ),
            "CELERY_APP": "names the Celery application: remove it, and set app.",
            "CELERY_LOADER": (
                "replaces how the app is configured: remove it, and configure the app in its module."
            ),
            "CELERY_WORKDIR": ("is an option of Celery's command line that a pod does not take: remove it."),
            "C_FORCE_ROOT": (
                "lets a worker run as root: remove it, and set runAsUser in template.spec.securityContext to another "
                "user."
            ),
        }.items()
    ),
    _case(
        "variable-of-beat",
        {"beat": {"env": [{"name": "MODE", "value": "1"}]}},
        {"beat": {"env": [{"name": "CELERY_BEAT_LOGLEVEL", "value": "DEBUG"}]}},
        "beat.env[0].name",
        f"{STRING}CELERY_BEAT_LOGLEVEL is an option of Celery: remove it, and set logLevel.",
    ),
    _case(
        "results-by-variable-and-field",
        {"env": [{"name": "CELERY_RESULT_BACKEND", "value": "db+sqlite:///r"}]},
        {
            "env": [{"name": "CELERY_RESULT_BACKEND", "value": "db+sqlite:///r"}],
            "resultBackend": {"broker": {"database": 1}},
        },
        "env",
        f"{OBJECT}resultBackend sets CELERY_RESULT_BACKEND: remove the variable from env, or remove resultBackend.",
    ),
    _case(
        "env-value-twice",
        {"env": [{"name": "MODE", "value": "fast"}]},
        {
            "env": [
                {"name": "MODE", "value": "fast", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
            ]
        },
        "env[0]",
        f"{OBJECT}value and valueFrom cannot both be set: remove one.",
    ),
    _case(
        "env-name",
        {"env": [{"name": "my.mode-1 (old)", "value": "fast"}]},
        {"env": [{"name": "my=mode", "value": "fast"}]},
        "env[0].name",
        f'{STRING}"my=mode" is not a valid variable name: use printable ASCII characters without =.',
    ),
    _case(
        "requests-above-limits",
        {
            "resources": {
                "requests": {"cpu": 1, "memory": "1Gi"},
                "limits": {"cpu": "1000m", "nvidia.com/gpu": 1},
            }
        },
        {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1000Mi"}}},
        "resources.requests",
        f"{OBJECT}a request exceeds its limit: lower the request or raise the limit.",
    ),
    _case(
        "name-of-a-resource",
        {"resources": {"limits": {"hugepages-2Mi": "2Mi", "cpu": "0.5"}}},
        {"resources": {"limits": {"cpu ": 1}}},
        "resources.limits",
        f"{OBJECT}a resource name is not valid: use cpu, memory, or a name such as nvidia.com/gpu.",
    ),
    _case(
        "image-with-a-space",
        {"image": "registry.example:5000/app@sha256:0"},
        {"image": " registry.example/app:1"},
        "image",
        f'{STRING}" registry.example/app:1" starts or ends with a space: remove the space.',
    ),
    *(
        _case(
            f"env-from-{name}",
            {"envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}]},
            {"envFrom": [source]},
            "envFrom[0]",
            f"{OBJECT}an entry of envFrom must have exactly one of configMapRef and secretRef: "
            "use an entry for each.",
        )
        for name, source in {
            "twice": {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}},
            "nowhere": {"prefix": "APP_"},
        }.items()
    ),
)

ROLLOUT = (
    _case(
        "rolling-update-of-recreate",
        {"strategy": {"type": "Recreate"}},
        {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
        "strategy.rollingUpdate",
        f"{OBJECT}type Recreate has no rollingUpdate: remove rollingUpdate, or use type RollingUpdate.",
    ),
    _case(
        "rollout-that-may-change-nothing",
        {"strategy": {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": 1}}},
        {"strategy": {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": 0}}},
        "strategy.rollingUpdate",
        f"{OBJECT}maxSurge and maxUnavailable cannot both be 0: raise maxSurge to start new pods first, or "
        "maxUnavailable to remove old pods first.",
    ),
    _case(
        "limit-of-a-budget-that-is-off",
        {"disruptionBudget": {"enabled": False}},
        {"disruptionBudget": {"enabled": False, "maxUnavailable": "10%"}},
        "disruptionBudget.maxUnavailable",
        f"{OBJECT}maxUnavailable has no effect while enabled is false: remove maxUnavailable, or set enabled to "
        "true.",
    ),
    _case(
        "budget-above-everything",
        {"disruptionBudget": {"maxUnavailable": "100%"}},
        {"disruptionBudget": {"maxUnavailable": "101%"}},
        "disruptionBudget.maxUnavailable",
        'Invalid value: "101%": spec.disruptionBudget.maxUnavailable in body should match '
        "'^([0-9]{1,5}|[0-9]{1,2}%|100%)$'",
    ),
)

LEFT_TO_THE_APP = (
    _case(
        "queues-beside-excluded-ones",
        {"excludeQueues": ["slow"]},
        {"excludeQueues": ["slow"], "queues": ["celery"]},
        "excludeQueues",
        f"{OBJECT}queues and excludeQueues cannot both be set: remove one.",
    ),
    _case(
        "an-excluded-queue-listed-twice",
        {"excludeQueues": ["slow", "bulk"]},
        {"excludeQueues": ["slow", "slow"]},
        "excludeQueues",
        f"{ARRAY}a queue is listed twice: list each queue once.",
    ),
)

VALID_SPEC: Object = {"app": "proj", "image": "registry.example/app:1"}
CASES = (*SIZES, *POOL_LIMITS, *QUEUES, *SOURCES, *ROLLOUT, *LEFT_TO_THE_APP)
