"""The prefork pool after a lost connection: running jobs stay known.

Up to Celery 5.5 `flush` forgets them together with those that have not started, so that nobody acknowledges them
when they end; up to 5.6 it also takes their processes for idle, and new tasks wait behind long ones.
"""

from __future__ import annotations

from typing import Any

from taskfleet_worker.pool.prefork import runs


def install(pool: Any) -> None:
    """Wrap the pool's `flush`. What a child has been sent it will run, before it has said so too."""
    flush, jobs = pool.flush, pool._pool

    def flush_what_has_not_started() -> None:
        running = {number: job for number, job in jobs._cache.items() if runs(job)}
        flush()
        jobs._cache.update(running)
        for job in running.values():
            process = job._write_to or job._scheduled_for
            if process is not None and process._is_alive():
                jobs._busy_workers.add(process.inqW_fd)

    pool.flush = flush_what_has_not_started
