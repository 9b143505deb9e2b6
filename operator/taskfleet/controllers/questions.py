"""Who may ask the operator about a pool: whoever may write it. See docs/design/dead-letters.md."""

import hmac
from collections.abc import Awaitable, Callable

from taskfleet.api import Key, Object
from taskfleet.api.annotations import READER, reader_digest
from taskfleet.controllers.context import Context

Tell = Callable[[Key, str, Context], Awaitable[Object]]
"""Answers a question about a pool to who shows the secret, as JSON. Raises RefusedError."""


class RefusedError(Exception):
    """There is no answer; the text is a sentence for the user, `status` the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def asked_about(pool: Key, secret: str, context: Context) -> Object:
    """The pool, where whoever asks may know of it. Raises RefusedError."""
    raw = context.cache.get(*pool)
    expected = ((raw or {"metadata": {}})["metadata"].get("annotations") or {}).get(READER, "")
    # The same answer whether the pool exists or not: who asks may have no right to know.
    if raw is None or not hmac.compare_digest(expected.encode(), reader_digest(secret).encode()):
        raise RefusedError(401, f"{pool} has no annotation {READER} with the digest of this secret.")
    return raw
