"""celery.worker.pidbox.Pidbox: `control shutdown` ends the worker as TERM does."""

from __future__ import annotations

from typing import Any


def install(state: Any) -> None:
    """`control shutdown` ends the worker in the consumer's loop as TERM does, not in the middle of a message.

    Celery raises WorkerShutdown through the loop: a fetch that is under way then keeps its message until the last
    task has ended, and on AMQP nobody sends heartbeats meanwhile, so that other workers get the running tasks.
    """
    from celery.exceptions import WorkerShutdown
    from celery.worker.pidbox import Pidbox

    handle = Pidbox.on_message

    def on_message(pidbox: Any, body: Any, message: Any) -> None:
        try:
            handle(pidbox, body, message)
        except WorkerShutdown as asked:
            state.should_stop = asked.code or 0

    Pidbox.on_message = on_message
