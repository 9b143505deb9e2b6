"""What came of the app's configuration and the WorkerPool's: versions, pool, capacity, queues, acknowledgement.

The operator scales by it where the WorkerPool leaves a field to the app.
"""

from __future__ import annotations

import platform
from typing import Any

from taskfleet_worker import fetching
from taskfleet_worker.report import MAX_QUEUES


def worker_facts(consumer: Any, pool_type: str) -> dict[str, Any]:
    """As the report has them; `consumer` is Celery's, once it is ready. `prefetchCount` 0: no limit."""
    import celery
    import kombu

    conf = consumer.app.conf
    return {
        "celery": celery.__version__,
        "kombu": kombu.__version__,
        "python": platform.python_version(),
        "pool": pool_type,
        "capacity": _capacity(consumer, pool_type),
        "queues": queues(consumer)[:MAX_QUEUES],
        "acksLate": bool(conf.task_acks_late),
        "prefetchCount": int(consumer.initial_prefetch_count),
    }


def _capacity(consumer: Any, pool_type: str) -> int:
    scaler = consumer.controller.autoscaler
    most = scaler.max_concurrency if scaler is not None else fetching.pool_size(consumer.pool, pool_type)
    return max(1, int(most))


def queues(consumer: Any) -> list[str]:
    """Names of the queues that it consumes, in order, without those that are its own alone."""
    found = consumer.app.amqp.queues.consume_from
    return [str(name) for name, queue in found.items() if not _is_its_own(queue)]


def _is_its_own(queue: Any) -> bool:
    """Such as a broadcast's: each worker has a copy, so its length says nothing about the number of workers."""
    exchange = queue.exchange
    return bool(queue.exclusive or (exchange is not None and exchange.type == "fanout"))
