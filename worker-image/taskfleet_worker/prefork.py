"""The prefork pool after a lost connection: running jobs stay known.

Up to Celery 5.5 `flush` forgets them together with those that have not started, so that nobody acknowledges them
when they end; up to 5.6 it also takes their processes for idle, and new tasks wait behind long ones.
"""

from __future__ import annotations

from typing import Any

from taskfleet_worker import native


def keep_running_jobs(pool: Any) -> None:
    """Wrap the pool's `flush`. What a child has been sent it will run, before it has said so too."""
    flush, jobs = pool.flush, pool._pool

    def flush_what_has_not_started() -> None:
        running = {number: job for number, job in jobs._cache.items() if _runs(job)}
        flush()
        jobs._cache.update(running)
        for job in running.values():
            process = job._write_to or job._scheduled_for
            if process is not None and process._is_alive():
                jobs._busy_workers.add(process.inqW_fd)

    pool.flush = flush_what_has_not_started


def is_with_a_child(request: Any) -> bool:
    """Whether a request that waits for a child's word has been sent to one."""
    result = request._apply_result
    job = result() if result is not None else None
    return job is not None and _runs(job)


def results_unread(pool: Any) -> list[int]:
    """Pipes of tasks that have ended without the parent's notice, because it waits for a broker that is silent."""
    jobs = pool._pool
    if jobs is None:  # Celery has stopped it
        return []
    running = {job._worker_pid for job in list(jobs._cache.values()) if job._accepted}
    return native.readable([process.outqR_fd for process in list(jobs._pool) if process.pid in running])


def read_results(pool: Any) -> None:
    """What the parent would do if it came to it; for the thread that ends the process in its place."""
    handler, by_pipe = pool._pool._result_handler, pool._pool._fileno_to_outq
    for pipe in results_unread(pool):
        handler._flush_outqueue(pipe, lambda _pipe: None, by_pipe, handler.on_state_change)


def _runs(job: Any) -> bool:
    return bool(job._accepted) or job._write_to is not None
