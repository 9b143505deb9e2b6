"""The gate before every fetch: closed while the pod drains and from TERM on."""

from __future__ import annotations


class Gate:
    """Closed by another thread than the one that fetches, so closing counts once the consumer's loop has seen it.

    The loop sees the gate at the start of each turn and fetches later in the same turn: after a turn that saw it
    closed, no fetch can begin.
    """

    def __init__(self) -> None:
        self.lease: int | None = None
        self.stopping = False
        self._seen: tuple[int | None, bool] | None = None

    @property
    def closed(self) -> bool:
        return self.stopping or self.lease is not None

    def turn(self) -> bool:
        """Called by the consumer's loop; whether the gate was closed since the last turn."""
        now = (self.lease, self.stopping) if self.closed else None
        newly = now is not None and self._seen is None
        self._seen = now
        return newly

    @property
    def settled(self) -> bool:
        """Closed, and the loop knows it."""
        return self.closed and self._seen is not None
