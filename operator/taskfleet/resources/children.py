"""What each kind becomes: the builders of its children, in the order in which they are applied. Pure."""

from taskfleet.api import Broker, Object, WorkerPool
from taskfleet.resources.app_beat_claim import app_beat_claim
from taskfleet.resources.app_beat_deployment import app_beat_deployment
from taskfleet.resources.broker_auth_secret import broker_auth_secret
from taskfleet.resources.broker_config_map import broker_config_map
from taskfleet.resources.broker_connection_secret import broker_connection_secret
from taskfleet.resources.broker_network_policy import broker_network_policy
from taskfleet.resources.broker_service import broker_service
from taskfleet.resources.broker_stateful_set import broker_stateful_set
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.schedules_deployment import schedules_deployment
from taskfleet.resources.worker_deployment import worker_deployment
from taskfleet.resources.worker_network_policy import worker_network_policy
from taskfleet.resources.worker_pdb import worker_pdb


def pool_children(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> list[Object]:
    """Raises SpecError for a spec that cannot be built."""
    wanted = (
        worker_deployment(pool, broker, installation),
        worker_pdb(pool),
        worker_network_policy(pool),
        app_beat_claim(pool),
        app_beat_deployment(pool, broker, installation),
    )
    return [child for child in wanted if child is not None]


def redis_children(broker: Broker, installation: Installation, *, password: str) -> list[Object]:
    """Of a Broker with a managed Redis. Raises SpecError for a spec that cannot be built."""
    wanted = (
        broker_auth_secret(broker, password=password),
        *connection_children(broker, password=password),
        broker_network_policy(broker, installation),
        broker_stateful_set(broker, installation),
    )
    return [child for child in wanted if child is not None]


def connection_children(broker: Broker, *, password: str) -> tuple[Object, ...]:
    """What must exist before anything connects.

    Worker pods wait for the connection's Secret, so it comes last: then the Service's name is there before anything asks
    for it.
    """
    return (
        broker_config_map(broker),
        broker_service(broker),
        broker_connection_secret(broker, password=password),
    )


def schedule_children(broker: Broker, installation: Installation) -> list[Object]:
    """Of a Broker with PeriodicSchedules."""
    return [schedules_deployment(broker, installation)]
