"""The pool of an app whose WorkerPool names none: Celery takes it from the app's `worker_pool`, so it is asked here too.

What follows from it (flags, what is watched) has to be known before Celery makes the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskfleet_worker.settings import SettingsError

_GREEN = ("gevent", "eventlet")
# Another name of Celery's.
_ALIASES = {"processes": "prefork"}
# The WorkerPool's field and the pools that know it, by Celery's flag (celery/concurrency).
_LIMITED = {
    "--time-limit": ("timeLimit", ("prefork", "gevent")),
    "--soft-time-limit": ("softTimeLimit", ("prefork",)),
    "--max-tasks-per-child": ("maxTasksPerChild", ("prefork",)),
    "--max-memory-per-child": ("maxMemoryPerChild", ("prefork",)),
    "--autoscale": ("processAutoscale", ("prefork", "gevent", "eventlet")),
}


def app_pool(name: str) -> str | None:
    """The pool that the app configures; `name` is the app's as `celery -A` takes it. None: it cannot be imported.

    Then Celery's own start will say why. Raises SettingsError for a pool class of the app's own.
    """
    from celery.app.utils import find_app

    try:
        configured = find_app(name).conf.worker_pool
    except (Exception, SystemExit):  # whatever an app raises as it is imported
        return None
    return _known(configured)


def _known(configured: Any) -> str:
    from celery.concurrency import ALIASES

    if not isinstance(configured, str):
        configured = f"{configured.__module__}:{configured.__qualname__}"
    # `custom` has no class unless a variable names one.
    by_class = {path.replace(":", "."): alias for alias, path in ALIASES.items() if path}
    alias = configured if configured in ALIASES else by_class.get(configured.replace(":", "."))
    pool = _ALIASES.get(alias, alias) if alias is not None else None
    if pool not in ("prefork", "threads", "solo", *_GREEN):
        raise SettingsError(
            f"The app sets worker_pool {configured!r}, which Taskfleet does not support: set spec.pool to "
            "prefork, threads, gevent, eventlet or solo."
        )
    return str(pool)


def notes_on(pool: str, flags: Sequence[str]) -> list[str]:
    """Sentences for the report about a pool that the app has chosen, and flags of the WorkerPool that it ignores."""
    names = {flag.partition("=")[0] for flag in flags}
    notes = [
        f"{field} is ignored by pool {pool}, which the app sets: set spec.pool to one that supports it."
        for flag, (field, pools) in _LIMITED.items()
        if flag in names and pool not in pools
    ]
    if pool in _GREEN:
        notes.append(
            f"The app sets worker_pool {pool!r}, and Celery then patches nothing, so that one task blocks all: "
            f"set spec.pool {pool}."
        )
    return notes
