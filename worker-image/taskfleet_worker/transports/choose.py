"""The transport of a worker, by its broker."""

from __future__ import annotations

from taskfleet_worker.context import WorkerContext
from taskfleet_worker.transports.amqp_transport import AmqpTransport
from taskfleet_worker.transports.redis_transport import RedisTransport
from taskfleet_worker.transports.transport import Transport


def transport_of(context: WorkerContext, *, amqp: bool) -> Transport:
    """`amqp`: the broker's URL leads to RabbitMQ."""
    return AmqpTransport(context) if amqp else RedisTransport(context)
