"""Annotations by which users ask the operator for something. Users write the names, so they stay."""

REQUEUE = "taskfleet.dev/requeue"
"""A token and, after it, the ids of messages to move back from the dead letters; no id means all."""

FORGET = "taskfleet.dev/forget-dead-letters"
"""A token and, after it, the ids of dead letters to remove; no id means all."""

FAILED_TASKS = "taskfleet.dev/failed-tasks"
"""On a WorkerPool: a token, what to do (retry, retry-force or forget), and with which failed tasks: all, task and a name,
or id and ids."""

REQUESTED_BY = "taskfleet.dev/requested-by"
"""The name of the user who makes the request that is written with it."""

TRIGGER = "taskfleet.dev/trigger"
"""On a PeriodicSchedule: a token, for which one run is sent at once."""
