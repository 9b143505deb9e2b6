"""What the parent of a prefork pool knows of its children's jobs."""

from __future__ import annotations

from collections.abc import Generator
from types import GeneratorType
from typing import Any

from taskfleet_worker import native

# Seconds that a child may take for the next piece of a result: it is in the middle of writing it.
_PIECE_WITHIN = 1.0


def is_with_a_child(request: Any) -> bool:
    """Whether a request that waits for a child's word has been sent to one."""
    result = request._apply_result
    job = result() if result is not None else None
    return job is not None and runs(job)


def results_unread(pool: Any) -> list[int]:
    """Pipes of tasks that have ended without the parent's notice, because it waits for a broker that is silent."""
    jobs = pool._pool
    if jobs is None:  # Celery has stopped it
        return []
    running = {job._worker_pid for job in list(jobs._cache.values()) if job._accepted}
    return native.readable([process.outqR_fd for process in list(jobs._pool) if process.pid in running])


def read_results(pool: Any, hub: Any) -> None:
    """What the parent would do if it came to it; for the thread that ends the process in its place."""
    finish_results(pool, hub)
    handler, by_pipe = pool._pool._result_handler, pool._pool._fileno_to_outq
    for pipe in results_unread(pool):
        handler._flush_outqueue(pipe, lambda _pipe: None, by_pipe, handler.on_state_change)


def finish_results(pool: Any, hub: Any) -> None:
    """Read to their ends the results that the loop has read in part, by the generators that it goes on with.

    A child writes the length of a result of more than 16 KiB before the result (`billiard/connection.py`, _send_bytes).
    """
    pipes = pool._pool._fileno_to_outq if pool._pool is not None else ()
    partly = {
        pipe: reader
        for pipe, (reader, _) in list(hub.readers.items())
        if pipe in pipes and isinstance(reader, GeneratorType)
    }
    while partly and (ready := native.readable(partly, within=_PIECE_WITHIN)):
        for pipe in ready:
            if _is_over(partly[pipe]):
                del partly[pipe]


def _is_over(reader: Generator[None, None, None]) -> bool:
    try:
        next(reader)
    # The result is read, or the child is gone, or another thread reads it.
    except (StopIteration, OSError, EOFError, ValueError):
        return True
    return False


def runs(job: Any) -> bool:
    """Whether a child has been sent it, which runs it before it has said so too."""
    return bool(job._accepted) or job._write_to is not None
