"""Why a worker that is well fetches nothing, read where the fetching happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def queues_consumed(task_consumer: Any) -> set[str]:
    """Names of the queues that messages come from now."""
    polled = getattr(task_consumer.channel, "_active_queues", None)
    if polled is not None:  # kombu's virtual transports
        return set(polled)
    return set(getattr(task_consumer, "_active_tags", ()))


def pool_size(pool: Any, pool_type: str) -> int:
    """Tasks at once; 0 where remote control has taken every process or slot away, or the pool has stopped."""
    inner = getattr(pool, "_pool", None)
    if pool_type == "prefork":
        return getattr(inner, "_processes", 0)
    if pool_type == "gevent":  # up to Celery 5.6 its `num_processes` are the greenlets that run
        return getattr(inner, "size", 0)
    return int(pool.limit)


def _is_connected(consumer: Any) -> bool:
    # Up to Celery 5.6 the consumer keeps the lost connection until it has another one.
    link = consumer.connection
    return link is not None and link.connected and consumer.task_consumer is not None


def obstacle(consumer: Any, pool_type: str) -> str | None:
    """What keeps the worker from fetching or running anything; None where nothing does."""
    task_consumer = consumer.task_consumer
    if not _is_connected(consumer):
        return "the connection to the broker is lost; reconnecting"
    if not queues_consumed(task_consumer):
        return "no queue is consumed: `celery control add_consumer` resumes one that was cancelled"
    # An autoscaler brings processes with the first message.
    if consumer.controller.autoscaler is None and pool_size(consumer.pool, pool_type) <= 0:
        return "the pool has no process or slot left: `celery control pool_grow` adds one"
    return None


def missing_queues(expected: Iterable[str], consumer: Any) -> list[str]:
    """Queues that the worker began with and consumes no more; none while it connects."""
    task_consumer = consumer.task_consumer
    if not _is_connected(consumer):
        return []
    consumed = queues_consumed(task_consumer)
    return [name for name in expected if name not in consumed]
