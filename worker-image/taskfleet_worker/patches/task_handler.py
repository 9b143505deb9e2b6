"""What Celery's consumer does with a message, and later with its task when there is room for it in the pool."""

from __future__ import annotations

from typing import Any, Callable


def install(
    take_in: Callable[[Any, Callable[[Any], Any], tuple[type[Exception], ...]], None],
    hand_over: Callable[[Any, Any, Callable[[Any, Any], Any]], None],
) -> None:
    """Wrap both. The first is a handler that the consumer makes for each connection."""
    from celery.worker import WorkController
    from celery.worker.consumer.consumer import Consumer

    create, process = Consumer.create_task_handler, WorkController._process_task

    def create_task_handler(consumer: Any, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        handle = create(consumer, *args, **kwargs)
        known = (*consumer.connection_errors, *consumer.channel_errors, MemoryError)
        # kombu 5.7 counts KeyError as a lost connection, because its Redis transport raises it.
        passed_on = tuple(error for error in known if error is not KeyError)
        return lambda message: take_in(message, handle, passed_on)

    Consumer.create_task_handler = create_task_handler
    WorkController._process_task = lambda worker, request: hand_over(worker, request, process)
