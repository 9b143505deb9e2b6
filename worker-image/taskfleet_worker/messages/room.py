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
    """Follows Celery's consumer (patches/waiting_tasks.py); to be asked in its own loop."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._full: str | None = None
        # The app's limit or LIMIT: to ask Celery's configuration costs as much as the rest of a turn.
        self._most: int | None = None

    def listen(self) -> None:
        """Hear of each message as Celery has read it."""
        from celery.signals import task_received

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
