"""The StatefulSet of a managed Broker: one Redis and its volume."""

from taskfleet.api import Broker, Object, Storage
from taskfleet.resources.broker_config_map import COMPONENT
from taskfleet.resources.broker_names import DATA_VOLUME, broker_name
from taskfleet.resources.broker_pod_template import CONTAINER, broker_pod_template
from taskfleet.resources.context import Installation
from taskfleet.resources.labels import RETAINED_FROM, child_labels, selector_labels
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pull_policy import with_pull_policies
from taskfleet.resources.refusals import Written


def broker_stateful_set(broker: Broker, installation: Installation) -> Object:
    """The StatefulSet. Raises SpecError for a user's template that cannot be merged."""
    storage = broker.spec.effective_redis.storage
    when_deleted = "Retain" if storage.retain_on_delete else "Delete"
    spec = {
        "serviceName": broker_name(broker.name),
        "replicas": 1,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": selector_labels(broker, COMPONENT)},
        "template": with_pull_policies(broker_pod_template(broker, installation)),
        "volumeClaimTemplates": [_claim(broker, storage)],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": when_deleted, "whenScaled": "Retain"},
    }
    metadata = child_metadata(broker, name=broker_name(broker.name), component=COMPONENT)
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def written_of(broker: Broker) -> Written:
    """Where the user wrote what the pod is made of."""
    fields = {name: name for name in ("image", "resources")}
    return Written(broker.spec.effective_redis.to_object(), "spec.redis", CONTAINER, fields, {})


def _claim(broker: Broker, storage: Storage) -> Object:
    """A claim's template never changes, so it is marked as retained whether it is or not."""
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    return {
        "metadata": {
            "name": DATA_VOLUME,
            "labels": child_labels(broker, COMPONENT),
            "annotations": {RETAINED_FROM: broker.metadata.uid},
        },
        "spec": spec,
    }
