"""What workers and producers connect with, in the form of the Service Binding specification."""

from taskfleet.api import Broker, Object
from taskfleet.resources.broker_auth_secret import PASSWORD, secret_data
from taskfleet.resources.broker_config_map import COMPONENT
from taskfleet.resources.broker_names import REDIS_PORT, broker_host, connection_secret_name
from taskfleet.resources.metadata import child_metadata


def broker_connection_secret(broker: Broker, password: str) -> Object:
    """The Secret. `password` is made of URL-safe characters."""
    host = broker_host(broker.name, broker.namespace)
    url = f"redis://:{password}@{host}:{REDIS_PORT}/0"
    values = {
        "type": "redis",
        "provider": "taskfleet",
        "host": host,
        "port": str(REDIS_PORT),
        "uri": url,
        "username": "default",  # the name that Redis gives its only user
        PASSWORD: password,
        "url": url,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "servicebinding.io/redis",
        "metadata": child_metadata(broker, name=connection_secret_name(broker.name), component=COMPONENT),
        "data": secret_data(values),
    }
