"""Everything that a managed Broker consists of, in the order in which it is made."""

from taskfleet.api import Broker, Object
from taskfleet.resources.broker_auth_secret import broker_auth_secret
from taskfleet.resources.broker_config_map import broker_config_map
from taskfleet.resources.broker_connection_secret import broker_connection_secret
from taskfleet.resources.broker_service import broker_service
from taskfleet.resources.broker_stateful_set import broker_stateful_set
from taskfleet.resources.context import Installation


def broker_children(broker: Broker, installation: Installation, *, password: str) -> tuple[Object, ...]:
    """The password first, so that no Redis runs with one that is not stored. Nothing for an external Broker.

    Raises SpecError for a user's template that cannot be merged.
    """
    if not broker.spec.managed:
        return ()
    return (
        broker_auth_secret(broker, password=password),
        broker_connection_secret(broker, password=password),
        broker_config_map(broker),
        broker_service(broker),
        broker_stateful_set(broker, installation),
    )
