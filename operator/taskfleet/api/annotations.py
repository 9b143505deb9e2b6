"""Annotations by which users ask the operator for something. Users write the names, so they stay."""

REQUEUE = "taskfleet.dev/requeue"
"""A token and, after it, the ids of messages to move back from the dead letters; no id means all."""

TRIGGER = "taskfleet.dev/trigger"
"""On a PeriodicSchedule: a token, for which one run is sent at once."""
