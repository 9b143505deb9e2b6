"""celery.worker.consumer.Consumer: how tasks wait for their ETA and for their rate limit.

Which tasks wait is noted, and `control rate_limit` loses none that does.
"""

from __future__ import annotations

from typing import Any

from taskfleet_worker.deliveries import Deliveries


def install(deliveries: Deliveries) -> None:
    """To be called before Celery makes its consumer."""
    from celery.worker.consumer.consumer import Consumer

    limit, move, apply = Consumer._limit_task, Consumer._limit_move_to_pool, Consumer.apply_eta_task
    limit_after_eta, reset = Consumer._limit_post_eta, Consumer.reset_rate_limits

    def limit_task(consumer: Any, request: Any, *args: Any) -> Any:
        deliveries.is_limited(request.message.delivery_tag)
        return limit(consumer, request, *args)

    def limit_move_to_pool(consumer: Any, request: Any) -> Any:
        deliveries.limited.discard(request.message.delivery_tag)
        return move(consumer, request)

    def limit_post_eta(consumer: Any, request: Any, bucket: Any, tokens: int) -> Any:
        deliveries.is_due(request.message.delivery_tag)
        deliveries.is_limited(request.message.delivery_tag)
        # Its bucket may have been replaced while it waited.
        return limit_after_eta(consumer, request, consumer.task_buckets[request.task.name] or bucket, tokens)

    def apply_eta_task(consumer: Any, request: Any) -> Any:
        deliveries.is_due(request.message.delivery_tag)
        return apply(consumer, request)

    Consumer._limit_task, Consumer._limit_move_to_pool = limit_task, limit_move_to_pool
    Consumer._limit_post_eta, Consumer.apply_eta_task = limit_post_eta, apply_eta_task
    Consumer.reset_rate_limits = lambda consumer: _keep_what_waits(consumer, reset)


def _keep_what_waits(consumer: Any, reset: Any) -> None:
    """As `control rate_limit` replaces all buckets, tasks that wait move to the new ones, and begin at the new rate."""
    before = dict(consumer.task_buckets)
    reset(consumer)
    for name, bucket in before.items():
        if bucket is None:
            continue
        new = consumer.task_buckets[name]
        if new is not None and new.fill_rate == bucket.fill_rate:
            consumer.task_buckets[name] = bucket
            continue
        waiting = list(bucket.contents)
        # What the old bucket's timer finds.
        bucket.contents.clear()
        for request, tokens in waiting:
            if new is None:
                consumer._limit_move_to_pool(request)
            else:
                new.add((request, tokens))
        if new is not None and waiting:
            new._tokens = min(new.capacity, bucket._get_tokens())
            consumer._schedule_bucket_request(new)
