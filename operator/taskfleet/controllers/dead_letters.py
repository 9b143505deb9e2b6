"""The dead letters of a pool, for callers that may write the pool. No part of a message is stored or logged."""

from dataclasses import asdict

from taskfleet.api import InvalidObject, Key, Object, WorkerPool
from taskfleet.brokers.errors import BrokerError
from taskfleet.controllers.context import Context
from taskfleet.controllers.questions import RefusedError
from taskfleet.kube.resource_types import key_of


async def tell_dead_letters(raw: Object, context: Context) -> Object:
    """The messages of the pool's queues, as JSON. Raises RefusedError."""
    pool = key_of(raw)
    try:
        parsed = WorkerPool.parse(raw)
    except InvalidObject as error:
        raise RefusedError(409, str(error)) from None
    broker = Key("Broker", pool.namespace, parsed.spec.broker_ref.name)
    recovery = context.brokers.recovery(broker)
    if recovery is None:
        raise RefusedError(503, f"{broker} has no address yet. Check its Ready condition.")
    try:
        found = await recovery.dead_letters(parsed.queues)
    except BrokerError as error:
        raise RefusedError(503, f"{broker} does not answer ({error}). Check its Ready condition.") from None
    return {"messages": [asdict(one) for one in found]}
