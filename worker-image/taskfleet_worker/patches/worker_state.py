"""celery.worker.state: the functions by which Celery asks whether to stop and announces starts and ends of tasks.

Celery's modules take these functions as they are imported (celery/worker/request.py, celery/worker/loops.py): they are
wrapped before that.
"""

from __future__ import annotations

from typing import Any, Callable


def watch_turns(state: Any, turn: Callable[[Callable[[], None]], None]) -> None:
    """Call `turn` once in each turn of the consumer's loop, before it fetches, with Celery's own question."""
    asked = state.maybe_shutdown
    state.maybe_shutdown = lambda: turn(asked)


def watch_tasks(state: Any, *, begun: Callable[[Any], None], ended: Callable[[Any], None]) -> None:
    """Celery announces each start and each end, whatever the outcome, by one function each."""
    accepted, ready = state.task_accepted, state.task_ready

    def task_accepted(request: Any, *args: Any, **kwargs: Any) -> Any:
        begun(request)
        return accepted(request, *args, **kwargs)

    def task_ready(request: Any, *args: Any, **kwargs: Any) -> Any:
        ended(request)
        return ready(request, *args, **kwargs)

    state.task_accepted, state.task_ready = task_accepted, task_ready


def watch_revokes(state: Any, heard: Callable[[Any], None]) -> None:
    """Remote control alone revokes by `update`."""
    update = state.revoked.update

    def update_and_share(revoked: Any) -> None:
        update(revoked)
        heard(revoked)

    state.revoked.update = update_and_share
