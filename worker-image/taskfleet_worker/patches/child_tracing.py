"""celery.concurrency.prefork.process_initializer: whether the app's own tracing was set up in a child.

OpenTelemetry's Celery instrumentation is often set up in a handler of `worker_process_init`, so the main process does
not have it. Celery sends this signal as the last thing of the function.
"""

from __future__ import annotations

from typing import Any, Callable


def install(child_started: Callable[[], None]) -> None:
    """Call `child_started` in each child, after the app's handlers. To be called before the pool is made."""
    from celery.concurrency import prefork

    initialize = prefork.process_initializer

    def initialize_and_tell(*args: Any, **kwargs: Any) -> None:
        initialize(*args, **kwargs)
        child_started()

    prefork.process_initializer = initialize_and_tell
