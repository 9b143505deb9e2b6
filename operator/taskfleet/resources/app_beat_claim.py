"""The claim of the volume on which celery.beat:PersistentScheduler keeps when it last sent each task."""

from taskfleet.api import Object, WorkerPool
from taskfleet.resources.app_beat_names import COMPONENT, app_beat_name
from taskfleet.resources.metadata import child_metadata, retained_metadata

BEAT_VOLUME = "beat"
BEAT_PATH = "/var/lib/taskfleet-beat"


def app_beat_claim(pool: WorkerPool) -> Object | None:
    """None where no file is kept."""
    beat = pool.spec.beat
    if beat is None or (storage := beat.effective_storage) is None:
        return None
    metadata_of = retained_metadata if storage.retain_on_delete else child_metadata
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    metadata = metadata_of(pool, name=app_beat_name(pool), component=COMPONENT)
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
