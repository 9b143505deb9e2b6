"""The reset of kombu's event loop: what a prefork pool's loop has read of a result in part is read to its end before.

The loop ends at TERM and with each lost connection, and forgets what it was reading, such as a failure with a long
traceback. The rest would be taken for the next result's length: this result and all later ones of the child would be
lost, and their tasks would run again.
"""

from __future__ import annotations

from typing import Any

from taskfleet_worker.pool.prefork import finish_results


def install(pool: Any, hub: Any) -> None:
    """Wrap `reset` of the loop, which celery/worker/loops.py (`asynloop`) calls at its end."""
    reset = hub.reset

    def finish_results_and_reset() -> None:
        finish_results(pool, hub)
        reset()

    hub.reset = finish_results_and_reset
