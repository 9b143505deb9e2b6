"""The pod template of a worker: what the operator builds, the user's template over it, and what stays ours."""

from collections.abc import Iterator
from dataclasses import replace

from taskfleet.api import Object, WorkerPool
from taskfleet.api.pod_template import CONTAINER_FIELDS, POD_FIELDS, refusal, variable_refusal
from taskfleet.api.worker_variables import REFUSED_VARIABLES
from taskfleet.resources.broker_connection import (
    PARTS_PATH,
    PARTS_VOLUME,
    SENTINEL_PASSWORD,
    TLS_PATH,
    TLS_VOLUME,
    connection_metadata,
)
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.errors import SpecError
from taskfleet.resources.labels import child_labels
from taskfleet.resources.probes import PROBE_PORT
from taskfleet.resources.result_backend import RESULT_SENTINEL_PASSWORD, RESULTS_PATH, RESULTS_VOLUME
from taskfleet.resources.runtime_init_container import INIT_CONTAINER, runtime_init_container
from taskfleet.resources.security import restricted_pod
from taskfleet.resources.user_template import Owned, with_user_template
from taskfleet.resources.volumes import (
    RUNTIME_PATH,
    RUNTIME_VOLUME,
    SAFE_TO_EVICT,
    safe_to_evict,
    with_tmp_if_needed,
    worker_volumes,
)
from taskfleet.resources.worker_container import CONTAINER, OWNED_VARIABLES, worker_container

COMPONENT = "worker"
_RUNTIME_USER = 65532  # the user of the runtime image

# Of every pod with our runtime; the container is that of a worker or of its beat.
OWNED = Owned(
    container=CONTAINER,
    container_fields=frozenset({"command", "args", "readinessProbe", "livenessProbe", "startupProbe"}),
    # The command needs its mount, the arguments their variables, the probes their port.
    container_entries={
        "volumeMounts": frozenset({RUNTIME_PATH, TLS_PATH, PARTS_PATH, RESULTS_PATH}),
        "env": OWNED_VARIABLES | {SENTINEL_PASSWORD, RESULT_SENTINEL_PASSWORD},
        "ports": frozenset({PROBE_PORT}),
    },
    pod_fields=frozenset({"terminationGracePeriodSeconds"}),
    pod_entries={
        "initContainers": frozenset({INIT_CONTAINER}),
        "volumes": frozenset({RUNTIME_VOLUME, TLS_VOLUME, PARTS_VOLUME, RESULTS_VOLUME}),
    },
)


def worker_pod_template(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    """The complete template. Raises SpecError for a user's template that cannot be merged."""
    return with_pool_template(_built(pool, broker, installation), pool.spec.template, path="spec.template")


def with_pool_template(built: Object, users: Object, *, path: str, own_resources: bool = False) -> Object:
    """The user's template over what was built; with `own_resources` it does not change those of the container."""
    _check_owned(users, path)
    fields = OWNED.container_fields | ({"resources"} if own_resources else set())
    owned = replace(OWNED, container_fields=fields)
    template = with_user_template(built, users, owned=owned, path=path)
    spec = with_tmp_if_needed(_init_container_not_as_root(template["spec"]), CONTAINER, users)
    annotations = template["metadata"].get("annotations") or {}
    safe = safe_to_evict(annotations.get(SAFE_TO_EVICT), spec["volumes"])
    metadata = {**template["metadata"], "annotations": {**annotations, SAFE_TO_EVICT: safe}}
    return {**template, "metadata": metadata, "spec": spec}


def _check_owned(users: Object, path: str) -> None:
    """Reject what only the operator sets, as the API server does unless the object is older than its rule."""
    spec = users.get("spec")
    if not isinstance(spec, dict):
        return
    containers = spec.get("containers")
    listed = containers if isinstance(containers, list) else []
    named = [one for one in listed if isinstance(one, dict) and one.get("name") == CONTAINER]
    given = {**CONTAINER_FIELDS, **POD_FIELDS}
    for field in (*(name for one in named for name in one), *(name for name in spec if name in POD_FIELDS)):
        if field in given:
            raise SpecError(f"{path}: {refusal(field, given[field])}")
    for name in (name for one in named for name in _variables(one)):
        if name in REFUSED_VARIABLES:
            raise SpecError(f"{path}: {variable_refusal(name, REFUSED_VARIABLES[name])}")


def _variables(container: Object) -> Iterator[str]:
    """The names in its `env`, which may have any shape."""
    variables = container.get("env")
    for one in variables if isinstance(variables, list) else []:
        if isinstance(one, dict) and isinstance(name := one.get("name"), str):
            yield name


def _init_container_not_as_root(spec: Object) -> Object:
    """Where the user makes the pod run as root, our init container gets a user of its own.

    Not elsewhere: OpenShift gives pods their user and refuses those that choose one.
    """
    if (spec.get("securityContext") or {}).get("runAsUser") != 0:
        return spec
    ours, *users = spec["initContainers"]
    security = {**ours["securityContext"], "runAsUser": _RUNTIME_USER}
    return {**spec, "initContainers": [{**ours, "securityContext": security}, *users]}


def _built(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    return {
        "metadata": {"labels": child_labels(pool, COMPONENT), **connection_metadata(broker)},
        "spec": {
            **installation.pull_secrets,
            "initContainers": [runtime_init_container(installation)],
            "containers": [worker_container(pool, broker, installation)],
            "volumes": worker_volumes(broker, pool.spec.result_backend),
            "securityContext": restricted_pod(),
            # Variables of every Service would reach the app, and one named like a setting of its own breaks it.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": int(pool.spec.effective_grace_period.total_seconds()),
        },
    }
