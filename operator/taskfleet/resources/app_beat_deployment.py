"""The app's own beat. Recreate, because two beats alive at once send every task twice."""

from collections.abc import Collection

from taskfleet.api import Beat, Object, WorkerPool
from taskfleet.api.pod import Resources
from taskfleet.resources.app_beat_claim import BEAT_PATH, BEAT_VOLUME
from taskfleet.resources.app_beat_names import COMPONENT, app_beat_name
from taskfleet.resources.broker_connection import connection_metadata
from taskfleet.resources.claims import without_claims
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.labels import child_labels, selector_labels
from taskfleet.resources.lost_node import with_prompt_eviction
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pod_template import with_pool_template
from taskfleet.resources.probes import liveness_probe, probe_port, readiness_probe
from taskfleet.resources.pull_policy import with_pull_policies
from taskfleet.resources.runtime_init_container import runtime_init_container
from taskfleet.resources.security import restricted_pod
from taskfleet.resources.volumes import RUNTIME_PATH, worker_volume_mounts, worker_volumes
from taskfleet.resources.worker_container import OWNED_VARIABLES, worker_container

_RESOURCES: Object = {"requests": {"cpu": "10m", "memory": "128Mi"}}
_FILE_GROUP = 65532  # whatever the image's user, the volume is writable for it


def app_beat_deployment(
    pool: WorkerPool,
    broker: BrokerBinding,
    installation: Installation,
    *,
    without_claims_of: Collection[str] = (),
) -> Object | None:
    """None for a pool without beat. Raises SpecError for a user's template that cannot be merged.

    `without_claims_of`: claims in the pool's template that the workers' node alone may mount.
    """
    if pool.spec.beat is None:
        return None
    built = _template(pool, broker, installation)
    template = _with_users_template(built, pool, pool.spec.beat, without_claims_of)
    # An external broker may be a RabbitMQ, which has no lock against two beats.
    if broker.managed_host is not None:
        template = with_prompt_eviction(template)
    spec = {
        "replicas": 0 if pool.spec.suspend else 1,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": selector_labels(pool, COMPONENT)},
        "strategy": {"type": "Recreate"},
        "template": with_pull_policies(template),
    }
    metadata = child_metadata(pool, name=app_beat_name(pool), component=COMPONENT)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _with_users_template(built: Object, pool: WorkerPool, beat: Beat, claims: Collection[str]) -> Object:
    """Beat's own template, else the pool's without what is about many pods, the load of tasks, and these claims."""
    if beat.template:
        return with_pool_template(built, beat.template, path="spec.beat.template")
    template = without_claims(pool.spec.template, claims)
    if isinstance(spec := template.get("spec"), dict):
        affinity = spec.get("affinity")
        spec = {name: value for name, value in spec.items() if name != "topologySpreadConstraints"}
        if isinstance(affinity, dict):
            spec["affinity"] = {name: value for name, value in affinity.items() if name == "nodeAffinity"}
        template = {**template, "spec": spec}
    return with_pool_template(built, template, path="spec.template", own_resources=True)


def _template(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    beat = pool.spec.beat
    assert beat is not None
    volumes = worker_volumes(broker, pool.spec.result_backend)
    security = restricted_pod()
    if beat.effective_storage is not None:
        claim = {"claimName": app_beat_name(pool)}
        volumes.append({"name": BEAT_VOLUME, "persistentVolumeClaim": claim})
        security |= {"fsGroup": _FILE_GROUP, "fsGroupChangePolicy": "OnRootMismatch"}
    return {
        "metadata": {"labels": child_labels(pool, COMPONENT), **connection_metadata(broker)},
        "spec": {
            **installation.pull_secrets,
            "initContainers": [runtime_init_container(installation)],
            "containers": [_container(pool, broker, installation)],
            "volumes": volumes,
            "securityContext": security,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 30,
        },
    }


def _container(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    """The worker's container with another command: its image, its variables, and its name for the template."""
    beat, spec = pool.spec.beat, pool.spec
    assert beat is not None
    mounts, file = worker_volume_mounts(broker, spec.result_backend), []
    if beat.effective_storage is not None:
        mounts.append({"name": BEAT_VOLUME, "mountPath": BEAT_PATH})
        file = [f"--schedule={BEAT_PATH}/schedule"]
    own = {
        variable.name: variable.to_object() for variable in beat.env if variable.name not in OWNED_VARIABLES
    }
    container = worker_container(pool, broker, installation)
    return {
        **container,
        "env": [*(one for one in container["env"] if one["name"] not in own), *own.values()],
        "command": [*spec.beat_launcher, spec.python, f"{RUNTIME_PATH}/run.py", "beat"],
        # Without a pid file: one that a killed beat leaves behind would keep the next one from starting.
        "args": [
            "-A",
            spec.beat_app,
            *([f"--scheduler={beat.scheduler}"] if beat.scheduler is not None else []),
            *file,
            *([f"--loglevel={spec.log_level}"] if spec.log_level is not None else []),
            "--pidfile=",
        ],
        "ports": [probe_port()],
        "readinessProbe": readiness_probe(),
        "livenessProbe": liveness_probe(),
        # The pool's are for its tasks; beat only sends.
        "resources": _RESOURCES if beat.resources == Resources() else beat.resources.to_object(),
        "volumeMounts": mounts,
    }
