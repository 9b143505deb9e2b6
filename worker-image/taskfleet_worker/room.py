"""Tasks that wait in the worker for their time or their rate limit take no room of tasks that can run.

Celery makes room for each task with an ETA by raising its prefetch count, and none for tasks that wait for their rate
limit: with few messages ahead two of them block a worker of two slots. Here the prefetch count is what Celery means it
to be and one more for each task of both kinds, up to a limit.
"""

from __future__ import annotations

from typing import Any

from taskfleet_worker.deliveries import Deliveries

# Messages in one worker that wait, some 5 KB each. An app's own `worker_eta_task_limit` takes its place. kombu takes
# no prefetch count above 65,535.
LIMIT = 50_000
# Of these, with a rate limit: they wait for this worker, while another could run them.
RATE_LIMITED = 1_000


class Room:
    """Follows Celery's consumer; to be asked in its own loop."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._full: str | None = None
        # The app's limit or LIMIT: to ask Celery's configuration costs as much as the rest of a turn.
        self._most: int | None = None

    def install(self) -> None:
        """To be called before Celery makes its consumer (celery/worker/consumer/consumer.py)."""
        from celery.signals import task_received
        from celery.worker.consumer.consumer import Consumer

        limit, move, apply = Consumer._limit_task, Consumer._limit_move_to_pool, Consumer.apply_eta_task
        limit_after_eta, reset = Consumer._limit_post_eta, Consumer.reset_rate_limits

        def limit_task(consumer: Any, request: Any, *args: Any) -> Any:
            self._deliveries.is_limited(request.message.delivery_tag)
            return limit(consumer, request, *args)

        def limit_move_to_pool(consumer: Any, request: Any) -> Any:
            self._deliveries.limited.discard(request.message.delivery_tag)
            return move(consumer, request)

        def limit_post_eta(consumer: Any, request: Any, bucket: Any, tokens: int) -> Any:
            self._deliveries.is_due(request.message.delivery_tag)
            self._deliveries.is_limited(request.message.delivery_tag)
            # Its bucket may have been replaced while it waited.
            return limit_after_eta(
                consumer, request, consumer.task_buckets[request.task.name] or bucket, tokens
            )

        def apply_eta_task(consumer: Any, request: Any) -> Any:
            self._deliveries.is_due(request.message.delivery_tag)
            return apply(consumer, request)

        Consumer._limit_task, Consumer._limit_move_to_pool = limit_task, limit_move_to_pool
        Consumer._limit_post_eta, Consumer.apply_eta_task = limit_post_eta, apply_eta_task
        Consumer.reset_rate_limits = lambda consumer: _keep_what_waits(consumer, reset)
        task_received.connect(self._receive, weak=False)

    def _receive(self, request: Any, **_: Any) -> None:
        # As Celery has read it, wherever the protocol, the serializer or the producer has put it.
        message = request.message
        if request.eta is None or not self._deliveries.waits(message.delivery_tag, request.eta.isoformat()):
            return
        if hasattr(message.channel, "record_time"):
            message.channel.record_time(message.delivery_tag)

    def make(self, consumer: Any) -> None:
        """Set the prefetch count."""
        qos, ahead = consumer.qos, consumer.initial_prefetch_count
        if qos is None or not ahead:
            return  # between two connections, or with a prefetch that has no end
        if self._most is None:
            self._most = int(consumer.app.conf.get("worker_eta_task_limit") or LIMIT)
        most = self._most
        timed, limited = self._deliveries.waiting_for_eta, len(self._deliveries.limited)
        room = min(timed + min(limited, RATE_LIMITED if most == LIMIT else most), most)
        qos.value = ahead + room
        full = room == most or room < timed + limited
        self._full = f"{timed} for their ETA, {limited} for a rate limit" if full else None

    @property
    def note(self) -> str | None:
        """For the report."""
        if self._full is None:
            return None
        return (
            f"The worker does not fetch: it holds the maximum number of waiting tasks ({self._full}); "
            "see worker_eta_task_limit."
        )


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
