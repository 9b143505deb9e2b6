"""The app's own beat. Recreate, because two beats alive at once send every task twice."""

from taskfleet.api import Object, WorkerPool
from taskfleet.resources.app_beat_claim import BEAT_PATH, BEAT_VOLUME
from taskfleet.resources.app_beat_names import COMPONENT, app_beat_name
from taskfleet.resources.broker_connection import connection_metadata
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
from taskfleet.resources.worker_container import worker_container

_FILE_GROUP = 65532  # whatever the image's user, the volume is writable for it


def app_beat_deployment(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object | None:
    """None for a pool without beat. Raises SpecError for a user's template that cannot be merged."""
    if pool.spec.beat is None:
        return None
    template = with_pool_template(_template(pool, broker, installation), pool, own_resources=True)
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


def _template(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    beat = pool.spec.beat
    assert beat is not None
    volumes = worker_volumes(broker)
    security = restricted_pod()
    if beat.persistent:
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
    mounts, file = worker_volume_mounts(broker), []
    if beat.persistent:
        mounts.append({"name": BEAT_VOLUME, "mountPath": BEAT_PATH})
        file = [f"--schedule={BEAT_PATH}/schedule"]
    return {
        **worker_container(pool, broker, installation),
        "command": [spec.python, f"{RUNTIME_PATH}/run.py", "beat"],
        # Without a pid file: one that a killed beat leaves behind would keep the next one from starting.
        "args": [
            "-A",
            spec.app,
            f"--scheduler={beat.scheduler}",
            *file,
            f"--loglevel={spec.log_level}",
            "--pidfile=",
        ],
        "ports": [probe_port()],
        "readinessProbe": readiness_probe(),
        "livenessProbe": liveness_probe(),
        # The pool's are for its tasks; beat only sends.
        "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
        "volumeMounts": mounts,
    }
