"""celery.worker.WorkController: the soft shutdown of Celery 5.5 and newer is noticed as it begins."""

from __future__ import annotations

from typing import Any, Callable


def install(begun: Callable[[], None]) -> None:
    """Celery 5.5 and newer sleep in the signal's handler for worker_soft_shutdown_timeout before any flag is set."""
    from celery.worker import WorkController

    wait = getattr(WorkController, "wait_for_soft_shutdown", None)
    if wait is None:
        return

    def begin_and_wait(controller: Any) -> Any:
        begun()
        return wait(controller)

    WorkController.wait_for_soft_shutdown = begin_and_wait
