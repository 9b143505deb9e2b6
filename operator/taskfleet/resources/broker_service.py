"""The Service of a managed Broker: one address that stays when its pod moves."""

from taskfleet.api import Broker, Object
from taskfleet.resources.broker_config_map import COMPONENT
from taskfleet.resources.broker_names import REDIS_PORT, broker_name
from taskfleet.resources.labels import selector_labels
from taskfleet.resources.metadata import child_metadata

PORT_NAME = "redis"


def broker_service(broker: Broker) -> Object:
    spec = {
        "selector": selector_labels(broker, COMPONENT),
        "ports": [{"name": PORT_NAME, "port": REDIS_PORT, "targetPort": PORT_NAME, "protocol": "TCP"}],
    }
    metadata = child_metadata(broker, name=broker_name(broker.name), component=COMPONENT)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
