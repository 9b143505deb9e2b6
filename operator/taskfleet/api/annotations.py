"""Annotations by which users ask the operator for something. Users write the names, so they stay."""

import hashlib

REQUEUE = "taskfleet.dev/requeue"
"""A token and, after it, the ids of messages to move back from the dead letters; no id means all."""

TRIGGER = "taskfleet.dev/trigger"
"""On a PeriodicSchedule: a token, for which one run is sent at once."""

READER = "taskfleet.dev/reader"
"""Digest of a secret. Whoever shows the operator the secret reads the pool's messages: only who may write the pool
can have put it there."""

READER_HEADER = "Taskfleet-Reader"
"""The secret itself. It is no parameter of the URL, because audit logs keep those."""


def reader_digest(secret: str) -> str:
    """The value of READER for a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
