"""What an object waits for whose Broker does not exist. Pure."""

from taskfleet.api import Key
from taskfleet.api.reasons import Reason
from taskfleet.api.references import BrokerRef
from taskfleet.controllers.plan import CreateBroker, Plan, Problem


def plan_without_broker(broker: Key, *, auto_create: bool) -> Plan:
    """For an object whose Broker does not exist: make it, or say why it must wait. `auto_create`: the setting."""
    if broker.name != BrokerRef().name:
        why = (
            f"spec.brokerRef.name is {broker.name!r}, but no Broker of that name exists in this "
            "namespace. Create the Broker or correct the name."
        )
    elif not auto_create:
        why = (
            f"Broker {broker.name!r} does not exist, and this installation does not create it automatically. "
            "Create the Broker."
        )
    else:
        return Plan(requests=(CreateBroker(broker),))
    return Plan(problem=Problem((Reason.BROKER_MISSING, why), final=False))
