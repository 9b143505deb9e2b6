"""Fields that the API server would reject in combination, omitted with a note. The rules are those of WorkerPoolSpec."""

from taskfleet.api import parse_duration
from taskfleet.convert.draft import Draft

_ONLY_ON = {
    "processAutoscale": ("prefork", "gevent", "eventlet"),
    "timeLimit": ("prefork", "gevent"),
    "softTimeLimit": ("prefork",),
    "maxTasksPerChild": ("prefork",),
    "maxMemoryPerChild": ("prefork",),
}


def leave_out_refused(draft: Draft) -> None:
    """Omit what Celery ignores as well, so that an apply succeeds and nothing changes."""
    spec = draft.spec
    pool = spec.get("pool", "prefork")
    for name, pools in _ONLY_ON.items():
        if pool not in pools:
            draft.take_back(name, f"pool {pool} ignores it, as in Celery.")
    if "processAutoscale" in spec:
        draft.take_back("concurrency", "--autoscale sets the number of processes.")
    if pool == "solo" and spec.get("concurrency", 1) != 1:
        draft.take_back("concurrency", "pool solo runs one task at a time.")
    soft, hard = spec.get("softTimeLimit"), spec.get("timeLimit")
    if soft and hard and parse_duration(soft) > parse_duration(hard):
        draft.take_back("softTimeLimit", f"it is above timeLimit {hard}, which ends the task first.")
