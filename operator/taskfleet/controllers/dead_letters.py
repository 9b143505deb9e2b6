"""The dead letters of a pool, told to whoever may write the pool. Nothing of a message goes anywhere else."""

from dataclasses import asdict

from redis.exceptions import RedisError

from taskfleet.api import InvalidObject, Key, Object, WorkerPool
from taskfleet.brokers.dead_letters import dead_letters
from taskfleet.controllers.context import Context
from taskfleet.controllers.questions import RefusedError
from taskfleet.kube.resource_types import key_of


async def tell_dead_letters(raw: Object, context: Context) -> Object:
    """The messages of the pool's queues, as JSON. Raises RefusedError."""
    pool = key_of(raw)
    try:
        spec = WorkerPool.parse(raw).spec
    except InvalidObject as error:
        raise RefusedError(409, str(error)) from None
    broker = Key("Broker", pool.namespace, spec.broker_ref.name)
    offers = context.brokers.offers(broker)
    if offers is not None and not offers.state:
        return {"messages": []}  # nothing is ever set aside there
    client, layout = context.brokers.client(broker), context.brokers.layout(broker)
    if client is None or layout is None:
        raise RefusedError(503, f"{broker} has no address yet; see its Ready condition.")
    try:
        found = await dead_letters(client, layout, spec.effective_queues)
    except RedisError as error:
        raise RefusedError(
            503, f"{broker} gives no answer ({type(error).__name__}); see its Ready condition."
        ) from None
    return {"messages": [asdict(one) for one in found]}
