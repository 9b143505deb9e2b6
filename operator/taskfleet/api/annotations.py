"""Annotations on a WorkerPool by which users ask the operator for something. Users write the names, so they stay."""

import hashlib

REQUEUE = "taskfleet.dev/requeue"
"""A token and, after it, the ids of messages to move back from the dead letters; no id means all."""

READER = "taskfleet.dev/reader"
"""Digest of a secret: whoever shows the secret may read the pool's messages, as only who may write the pool can know it."""


def reader_digest(secret: str) -> str:
    """The value of READER for a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
