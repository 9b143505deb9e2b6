"""The worker container: Celery's command line, its environment, and the settings of our runtime.

worker-image/README.md describes the arguments and variables for the other side.
"""

import json
from datetime import timedelta
from math import ceil

from taskfleet.api import Object, WorkerPool, WorkerPoolSpec, parse_quantity
from taskfleet.resources.address_parts import from_secret
from taskfleet.resources.broker_connection import connection_environment, connection_settings
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.probes import liveness_probe, probe_port, readiness_probe
from taskfleet.resources.result_backend import results_environment, results_settings
from taskfleet.resources.security import restricted_container
from taskfleet.resources.template_merge import merge_template
from taskfleet.resources.volumes import RUNTIME_PATH, worker_volume_mounts

CONTAINER = "worker"
POD_NAME = "POD_NAME"
SETTINGS = "TASKFLEET_SETTINGS"
OTLP_HEADERS = "TASKFLEET_OTLP_HEADERS"
# The command line and the runtime do not work without these.
OWNED_VARIABLES = frozenset({POD_NAME, SETTINGS})


def worker_container(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    """The container as the operator builds it, before the user's template."""
    spec = pool.spec
    built = {
        "name": CONTAINER,
        "image": spec.image,
        "command": [*spec.launcher, spec.python, f"{RUNTIME_PATH}/run.py", "worker"],
        "args": worker_arguments(pool),
        "env": _environment(pool, broker, installation),
        "ports": [probe_port()],
        "readinessProbe": readiness_probe(),
        "livenessProbe": liveness_probe(),
        "securityContext": restricted_container(),
        "volumeMounts": worker_volume_mounts(broker, spec.result_backend),
    }
    users = {
        "env": [variable.to_object() for variable in spec.env if variable.name not in OWNED_VARIABLES],
        "envFrom": [source.to_object() for source in spec.env_from],
        "resources": _given(spec.resources.to_object()),
    }
    return merge_template(built, _given(users), path="spec")


def worker_arguments(pool: WorkerPool) -> list[str]:
    """Celery's arguments; none for a field that is left to the app.

    None depends on Celery's version: what does is added in the pod.
    """
    spec = pool.spec
    optional = {
        "--pool": spec.pool,
        **_processes(spec),
        "--queues": literal(",".join(spec.queues)) if spec.queues is not None else None,
        "--exclude-queues": literal(",".join(spec.exclude_queues)) or None,
        "--loglevel": spec.log_level,
        "--time-limit": _seconds(spec.time_limit),
        "--soft-time-limit": _seconds(spec.soft_time_limit),
        "--max-tasks-per-child": spec.max_tasks_per_child,
        "--max-memory-per-child": _kibibytes(spec.max_memory_per_child),
    }
    return [
        "-A",
        spec.app,
        f"--hostname={pool.name}@$({POD_NAME})",
        "--without-gossip",
        "--without-mingle",
        *(f"{flag}={value}" for flag, value in optional.items() if value is not None),
        *spec.extra_args,
    ]


def _processes(spec: WorkerPoolSpec) -> dict[str, int | str | None]:
    if (autoscale := spec.process_autoscale) is not None:
        return {"--autoscale": f"{autoscale.max},{autoscale.min}"}
    return {"--concurrency": spec.concurrency}


def _environment(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> list[Object]:
    return [
        {"name": POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {
            "name": SETTINGS,
            "value": literal(json.dumps(_settings(pool, broker, installation), sort_keys=True)),
        },
        # An app's own broker_read_url and broker_write_url would win over CELERY_BROKER_URL alone.
        *connection_environment(
            broker, "CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"
        ),
        *results_environment(pool.spec.result_backend, broker),
        *_trace_headers(pool.spec),
    ]


def _settings(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    spec, shared = pool.spec, broker.spec
    return {
        "v": 1,
        "namespace": pool.namespace,
        "poolUid": pool.metadata.uid,
        "clusterId": installation.cluster_id,
        "poolType": spec.pool,
        "capacity": spec.capacity,
        "queueOrder": spec.queue_order,
        "acknowledge": spec.acknowledge,
        "prefetchMultiplier": spec.prefetch_multiplier,
        "visibilityTimeout": _seconds(shared.visibility_timeout),
        "globalKeyPrefix": shared.global_key_prefix or None,
        "prioritySteps": shared.priority_steps,
        "separator": shared.separator,
        "gracePeriod": _seconds(spec.effective_grace_period),
        **({"setup": spec.setup} if spec.setup else {}),
        **_given({"failures": _failures(spec), "traces": _traces(pool)}),
        **connection_settings(broker),
        **results_settings(spec.result_backend, broker),
    }


def _failures(spec: WorkerPoolSpec) -> Object:
    """What differs from the runtime's own defaults, which are the field's: no fleet restarts for a field that it lacks."""
    told = spec.failures.model_dump(by_alias=True, exclude_defaults=True)
    return told | ({"retention": _seconds(spec.failures.retention)} if "retention" in told else {})


def _traces(pool: WorkerPool) -> Object:
    otlp = pool.spec.telemetry.otlp
    if otlp is None:
        return {}
    return {"endpoint": otlp.endpoint, "sampling": otlp.sampling, "service": pool.name}


def _trace_headers(spec: WorkerPoolSpec) -> list[Object]:
    otlp = spec.telemetry.otlp
    if otlp is None or otlp.headers_secret_ref is None:
        return []
    return [from_secret(OTLP_HEADERS, otlp.headers_secret_ref)]


def _given(fields: Object) -> Object:
    return {field: value for field, value in fields.items() if value}


def literal(text: str) -> str:
    """Text in which the kubelet finds no $(VARIABLE) to expand."""
    return text.replace("$", "$$")


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())


def _kibibytes(size: str | None) -> int | None:
    return None if size is None else ceil(parse_quantity(size) / 1024)
