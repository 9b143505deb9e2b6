"""The dead letters of a pool, told to whoever may write the pool. Nothing of a message goes anywhere else."""

import hmac
from dataclasses import asdict

from redis.exceptions import RedisError

from taskfleet.api import InvalidObject, Key, Object, WorkerPool
from taskfleet.api.annotations import READER, reader_digest
from taskfleet.brokers.dead_letters import dead_letters
from taskfleet.controllers.context import Context


class RefusedError(Exception):
    """There is no answer; the text is a sentence for the user, `status` the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def tell_dead_letters(pool: Key, secret: str, context: Context) -> Object:
    """The messages of the pool's queues, as JSON. Raises RefusedError."""
    raw = context.cache.get(*pool)
    expected = ((raw or {"metadata": {}})["metadata"].get("annotations") or {}).get(READER, "")
    # The same answer whether the pool exists or not: who asks may have no right to know.
    if raw is None or not hmac.compare_digest(expected.encode(), reader_digest(secret).encode()):
        raise RefusedError(401, f"{pool} has no annotation {READER} with the digest of this secret.")
    try:
        spec = WorkerPool.parse(raw).spec
    except InvalidObject as error:
        raise RefusedError(409, str(error)) from None
    broker = Key("Broker", pool.namespace, spec.broker_ref.name)
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
