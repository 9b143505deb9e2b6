"""The password of a managed Broker, as a value and as a line of Redis's configuration."""

from base64 import b64encode

from taskfleet.api import Broker, Object
from taskfleet.resources.broker_config_map import COMPONENT, PASSWORD_FILE
from taskfleet.resources.broker_names import auth_secret_name
from taskfleet.resources.metadata import child_metadata, retained_metadata

PASSWORD = "password"  # noqa: S105 - the name of a key


def broker_auth_secret(broker: Broker, password: str) -> Object:
    """The Secret. It outlives the Broker as long as the volume does, which is of no use without it.

    `password` is made of URL-safe characters.
    """
    metadata_of = (
        retained_metadata if broker.spec.effective_redis.storage.retain_on_delete else child_metadata
    )
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata_of(broker, name=auth_secret_name(broker.name), component=COMPONENT),
        "data": secret_data({PASSWORD: password, PASSWORD_FILE: f"requirepass {password}\n"}),
    }


def secret_data(values: dict[str, str]) -> dict[str, str]:
    """The values as a Secret holds them."""
    return {key: b64encode(value.encode()).decode() for key, value in values.items()}
