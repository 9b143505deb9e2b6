"""The gate before every fetch: closed while the pod drains and from TERM on."""

from __future__ import annotations

from time import time


class Gate:
    """Closed by another thread than the one that fetches, so closing counts once the consumer's loop has seen it.

    The loop sees the gate at the start of each turn and fetches later in the same turn: after a turn that saw it
    closed, no fetch can begin.
    """

    def __init__(self) -> None:
        self._lease: int | None = None
        self._stopping = False
        # Unix time at which it was last closed.
        self.closed_at: float | None = None
        self._seen: tuple[int | None, bool] | None = None

    @property
    def lease(self) -> int | None:
        """Number of the drain lease that is obeyed."""
        return self._lease

    @lease.setter
    def lease(self, number: int | None) -> None:
        if number is not None:
            self._note_closing()
        self._lease = number

    @property
    def stopping(self) -> bool:
        """Whether the worker ends."""
        return self._stopping

    @stopping.setter
    def stopping(self, stopping: bool) -> None:
        if stopping:
            self._note_closing()
        self._stopping = stopping

    def _note_closing(self) -> None:
        if not self.closed:
            self.closed_at = time()

    @property
    def closed(self) -> bool:
        return self._stopping or self._lease is not None

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
